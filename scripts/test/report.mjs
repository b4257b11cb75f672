import { relative, resolve } from "node:path";
import { inspect, styleText } from "node:util";

const quietMs = 15_000;
const keptOutputBytes = 16_384;

/**
 * Prints node:test's events as they come, one line a file and the reason of each failure, at the end
 * every failure in full, and counts. With `each`, every test has its line.
 *
 * A suite, and a test that failed only through its subtests, is not counted beside them. A test
 * that is marked todo counts as skipped. A file without a test in it counts as failed: it proves
 * nothing, though node:test calls it passed.
 */
export async function report(events, { root, files, concurrency, each }) {
  const totals = { passed: 0, failed: 0, skipped: 0 };
  const perFile = new Map(
    files.map((file) => [file, { passed: 0, failed: 0, skipped: 0, output: "" }]),
  );
  const waiting = new Set(files);
  const failures = [];
  const skips = new Map();
  const began = Date.now();

  const stillRunning = () => {
    const running = [...waiting].slice(0, concurrency).join(", ");
    console.log(styleText("dim", `  … ${Math.round((Date.now() - began) / 1000)} s: ${running}`));
  };
  const quiet = setInterval(stillRunning, quietMs);
  const print = (line) => {
    console.log(line);
    quiet.refresh();
  };

  const count = (file, kind) => {
    totals[kind]++;
    perFile.get(file)[kind]++;
  };

  for await (const { type, data } of events) {
    const file = data.file && relative(root, data.file);
    if (!perFile.has(file)) {
      // A test is told by the file that it stands in: a suite of a library's, by one that is not run.
      if (!file || (type !== "test:pass" && type !== "test:fail")) continue;
      perFile.set(file, { passed: 0, failed: 0, skipped: 0, output: "" });
    }
    const result = perFile.get(file);
    if (type === "test:stdout" || type === "test:stderr") {
      result.output = (result.output + data.message).slice(-keptOutputBytes);
    } else if (type === "test:pass" || type === "test:fail") {
      const outcome = outcomeOf(type, data, file, root);
      if (outcome === undefined) continue;
      count(file, outcome.kind);
      if (outcome.kind === "failed") failures.push({ file, ...outcome });
      if (outcome.kind === "skipped") {
        const reasons = skips.get(outcome.reason) ?? [];
        skips.set(outcome.reason, [...reasons, data.name]);
      }
      if (each || outcome.kind === "failed") {
        const indent = "  ".repeat(data.nesting + 1);
        print(
          `${indent}${mark(outcome.kind)} ${outcome.name} ${duration(data.details.duration_ms)}`,
        );
        // Whatever ends this run before its end: the reason is known.
        if (outcome.kind === "failed") print(`${indent}  ↳ ${firstLine(outcome.error)}`);
      }
      // A file that failed as a whole sends no summary of its own.
      if (outcome.wholeFile) finish(file);
    } else if (type === "test:summary") {
      finish(file, data.duration_ms);
    }
  }

  function finish(file, ms) {
    if (!waiting.delete(file)) return;
    const { passed, failed, skipped } = perFile.get(file);
    // Tests that a library of this repository registers are told by the file that they stand in.
    const elsewhere = passed + failed + skipped === 0;
    const counts = [elsewhere ? "its tests stand elsewhere" : `${passed} passed`];
    if (failed) counts.push(styleText("red", `${failed} failed`));
    if (skipped) counts.push(`${skipped} skipped`);
    print(`${mark(failed ? "failed" : "passed")} ${file}: ${counts.join(", ")} ${duration(ms)}`);
  }

  for (const file of waiting) {
    // Node 20 sends no summary of a file.
    const { passed, failed, skipped } = perFile.get(file);
    if (passed + failed + skipped > 0) {
      finish(file);
      continue;
    }
    totals.failed++;
    failures.push({ file, name: file, error: "did not run to its end" });
  }
  clearInterval(quiet);
  printFailures(failures, perFile);
  for (const [reason, names] of skips) {
    console.log(`\nskipped, ${names.length}: ${reason}`);
    for (const name of names) console.log(`  ${name}`);
  }
  return totals;
}

function outcomeOf(type, data, file, root) {
  const wholeFile = resolve(root, data.name) === resolve(root, file);
  const name = wholeFile ? file : data.name;
  const error = data.details.error;
  if (
    data.details.type === "suite" &&
    (type === "test:pass" || error.failureType === "subtestsFailed")
  )
    return;
  if (data.skip !== undefined || data.todo !== undefined) {
    const reason =
      [data.skip, data.todo].find((text) => typeof text === "string") || "no reason given";
    return { kind: "skipped", name, reason };
  }
  if (type === "test:fail") {
    if (error.failureType === "subtestsFailed") return;
    const how = wholeFile && (error.signal ?? error.exitCode);
    const why = how
      ? `ended outside of its tests, by ${error.signal ?? `exit code ${how}`}`
      : (error.cause ?? error);
    return { kind: "failed", name, error: why, wholeFile, line: data.line };
  }
  if (wholeFile) return { kind: "failed", name, error: "there is no test in this file", wholeFile };
  return { kind: "passed", name };
}

function printFailures(failures, perFile) {
  if (failures.length === 0) return;
  console.log(`\n${styleText("red", `${failures.length} failed:`)}`);
  for (const { file, name, error, line } of failures) {
    console.log(`\n${mark("failed")} ${name}\n  ${file}${line > 1 ? `:${line}` : ""}`);
    const text =
      typeof error === "string" ? error : inspect(error, { colors: process.stdout.hasColors?.() });
    console.log(text.replace(/^ +at .*node:internal.*\n/gm, "").replace(/^/gm, "  "));
  }
  for (const file of new Set(failures.map((failure) => failure.file))) {
    const output = perFile.get(file).output.trimEnd();
    if (output) console.log(`\nwhat ${file} printed:\n${output.replace(/^/gm, "  | ")}`);
  }
}

function firstLine(error) {
  const [line] = (typeof error === "string" ? error : inspect(error)).split("\n");
  return line;
}

function mark(kind) {
  if (kind === "passed") return styleText("green", "✔");
  return kind === "failed" ? styleText("red", "✖") : "-";
}

function duration(ms) {
  return ms === undefined ? "" : styleText("dim", `${(ms / 1000).toFixed(ms < 1000 ? 2 : 1)} s`);
}
