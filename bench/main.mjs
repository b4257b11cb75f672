// npm run bench: what the library costs, side by side with what else there is.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureDependencies } from "../scripts/node-24/dependencies.mjs";

const HELP = `npm run bench -- [gate] [report] [clients] [--short] [--json FILE]

  gate      in process, over messages captured from a real consumer: each arrow of the flow
            against its floor, variants interleaved, paired differences. Under three minutes.
  report    end to end on a real Kafka, 200,000 records a variant, with an exporter that answers
            asynchronously. Started by services/, or named by KAFKA_BROKERS.
  clients   in process: what each client's adapter adds to the bare client, beside the client's
            OpenTelemetry instrumentation. Six minutes; Confluent's and rdkafka where npm run
            native -- --build has built them. docs/clients.md and the README's table are written
            from clients/results.json: npm run bench -- clients --json bench/clients/results.json
            and then node scripts/check/clients.mjs --write
  java      spring-kafka beside OpenTelemetry's own library, in process and on a real Kafka (java/bench)
  capture   writes the captured messages of the gate anew, off a real Kafka

Without a name: gate, then report; with --short all three.

  --prepare    installs what is measured against, and measures nothing
  --short      small counts: shows that everything runs; the figures say nothing
  --json FILE  writes all figures to FILE as JSON

Exit code 1: the gate clearly misses a budget (the whole interval is above it), but for --short.
What is measured against lies in bench/package.json alone, and is installed when it is absent.`;

const MODES = ["gate", "report", "clients", "java", "capture"];

function parsed() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        prepare: { type: "boolean", default: false },
        short: { type: "boolean", default: false },
        json: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
    const unknown = positionals.find((mode) => !MODES.includes(mode));
    if (unknown !== undefined) throw new Error(`There is no ${unknown}.`);
    return { values, modes: positionals };
  } catch (error) {
    console.error(`${error.message.split(". To specify")[0]}\n\n${HELP}`);
    process.exit(2);
  }
}

const { values, modes } = parsed();
if (values.help) {
  console.log(HELP);
} else if (modes.includes("java")) {
  const { runBench } = await import("../scripts/java/bench.mjs");
  process.exitCode = await runBench(join(import.meta.dirname, "..", "java"), "4.0", values.short);
} else {
  try {
    await ensureDependencies(import.meta.dirname, process.execPath, process.env);
    if (values.prepare) console.log("bench: what is measured against is installed");
    else if (modes.includes("capture")) await import("./capture.ts");
    else await bench();
  } catch (error) {
    console.error(`\nbench: ${error.wayOut ? `${error.message}\n${error.wayOut}` : error.stack}`);
    process.exitCode = 1;
  }
}

async function bench() {
  const { progressTo } = await import("./progress.ts");
  const { budgetTable, costTable } = await import("./table.ts");
  const progress = progressTo(process.stderr);
  const wanted =
    modes.length > 0 ? modes : ["gate", "report", ...(values.short ? ["clients"] : [])];
  const results = {};
  const absent = [];
  for (const mode of wanted) {
    const began = Date.now();
    const { run } = await import(`./${mode}/run.ts`);
    const { sections, absence } = await run(values.short, progress);
    progress.clear();
    if (absence !== undefined) {
      absent.push(absence);
      continue;
    }
    results[mode] = sections;
    for (const section of sections) console.log(`\n${mode}, ${costTable(section)}`);
    if (sections.some(({ figures }) => figures.length > 0)) {
      console.log(`\n${mode}\n${budgetTable(sections, !values.short)}`);
    }
    console.log(`${mode} took ${((Date.now() - began) / 1000).toFixed(0)} s`);
  }
  if (values.json !== undefined) await writeJson(values.json, results);
  for (const { what, why, wayOut } of absent)
    console.error(`\nnot run: ${what}: ${why}\n${wayOut}`);

  const figures = (results.gate ?? []).flatMap((section) => section.figures);
  const missed = figures.filter(({ verdict }) => verdict === "MISSED").length;
  console.log(
    values.short
      ? `\n--short: ${Object.keys(results).join(" and ") || "nothing"} ran; the figures say nothing`
      : `\ngate: ${figures.length} budgets, ${missed} clearly missed`,
  );
  if ((missed > 0 && !values.short) || (absent.length > 0 && modes.length > 0))
    process.exitCode = 1;
}

async function writeJson(file, results) {
  const { environment } = await import("./environment.ts");
  await writeFile(
    file,
    `${JSON.stringify({ ...environment(), short: values.short, results }, null, 2)}\n`,
  );
  console.log(`\nfigures written to ${file}`);
}
