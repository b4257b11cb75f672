import assert from "node:assert/strict";
import {
  chmod,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  rm,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { startAll } from "../all.ts";
import { jaegerAvailable } from "../jaeger/available.ts";
import { jaegerBinary } from "../jaeger/binary.ts";
import { kafkaAvailable } from "../kafka/available.ts";
import { cachedJars, kafkaJars } from "../kafka/jars.ts";

// A machine with no java, no mvn and an empty cache; each test puts there what it needs. The
// commands are stand-ins, as what is tested is what happens without the real ones.
const before = { ...process.env };
let machine: string;

beforeEach(async () => {
  machine = await mkdtemp(join(tmpdir(), "services-test-"));
  await mkdir(join(machine, "bin"));
  process.env["PATH"] = join(machine, "bin");
  process.env["XDG_CACHE_HOME"] = join(machine, "cache");
  delete process.env["JAVA_HOME"];
});

afterEach(async () => {
  process.env = { ...before };
  await rm(machine, { recursive: true, force: true });
});

async function command(name: string, script: string): Promise<void> {
  const file = join(machine, "bin", name);
  await writeFile(file, `#!/bin/sh\nPATH=/usr/bin:/bin\n${script}\n`);
  await chmod(file, 0o755);
}

/** Writes two jars into the folder that it is told, as Maven does. */
const MAVEN = `
for arg; do case "$arg" in -DoutputDirectory=*) folder="\${arg#*=}";; esac; done
[ -n "$folder" ] || exit 0
echo fetch >> "$0.calls"
printf one > "$folder/one.jar"; printf three > "$folder/three.jar"`;

async function fetches(): Promise<number> {
  const calls = await readFile(join(machine, "bin", "mvn.calls"), "utf8");
  return calls.trim().split("\n").length;
}

test("without Java, the absence says so and how to get it", async () => {
  const absence = await kafkaAvailable();
  assert.match(absence?.why ?? "", /no Java here/);
  assert.match(absence?.wayOut ?? "", /apt-get install openjdk.*KAFKA_BROKERS=host:port/);
});

test("a Java that is too old is named with its version", async () => {
  await command("java", `echo 'openjdk version "11.0.2" 2019-01-15' >&2`);
  assert.match((await kafkaAvailable())?.why ?? "", /needs Java 17.*11\.0\.2/);
});

test("Maven is asked for only while the jars are not in the cache", async () => {
  await command("java", `echo 'openjdk version "17.0.1" 2021-10-19' >&2`);
  const absence = await kafkaAvailable();
  assert.match(absence?.why ?? "", /no Maven here/);
  assert.match(absence?.wayOut ?? "", /apt-get install maven/);
  await command("mvn", MAVEN);
  assert.equal(await kafkaAvailable(), undefined);
  await kafkaJars(() => {});
  await rm(join(machine, "bin", "mvn"));
  assert.equal(await kafkaAvailable(), undefined);
});

test("startAll reports a server that is absent, and does not throw", async () => {
  const services = await startAll({ env: {}, only: ["kafka"], progress: () => {} });
  assert.deepEqual(
    services.absent.map(({ name }) => name),
    ["kafka"],
  );
  assert.match(services.absent[0]?.why ?? "", /no Java here/);
  assert.deepEqual(services.env, {});
  await services.stop();
});

test("jars are fetched once, and again where one is cut short", async () => {
  await command("mvn", MAVEN);
  const said: string[] = [];
  const folder = await kafkaJars((line) => said.push(line));
  assert.match(said[0] ?? "", /fetching its jars with Maven/);
  assert.equal(await kafkaJars(() => {}), folder);
  assert.equal(await fetches(), 1);

  await truncate(join(folder, "three.jar"), 2);
  assert.equal(await cachedJars(), undefined);
  assert.equal(await kafkaJars(() => {}), folder);
  assert.equal(await fetches(), 2);
  assert.equal(await cachedJars(), folder);
});

test("two that fetch jars at once end with the same whole folder, and nothing beside it", async () => {
  await command("mvn", MAVEN);
  const [one, other] = await Promise.all([kafkaJars(() => {}), kafkaJars(() => {})]);
  assert.equal(one, other);
  assert.equal(await cachedJars(), one);
  assert.deepEqual(await readdir(join(machine, "cache", "throughline")), ["kafka-4.1.1"]);
});

test("a Maven that fails is an error with its reason, and leaves nothing that looks whole", async () => {
  await command(
    "mvn",
    `echo '[ERROR] Could not transfer artifact: Network is unreachable'; exit 1`,
  );
  await assert.rejects(
    kafkaJars(() => {}),
    /Network is unreachable[^]*settings\.xml/,
  );
  assert.deepEqual(await readdir(join(machine, "cache", "throughline")), []);
});

test("without Go, the absence of Jaeger says so and how to get it", async () => {
  const absence = await jaegerAvailable();
  assert.match(absence?.why ?? "", /no Go here/);
  assert.match(absence?.wayOut ?? "", /go\.dev\/dl.*JAEGER_OTLP_ENDPOINT/);
});

test("a Go that is too old for Jaeger is named with its version", async () => {
  await command("go", `echo 'go version go1.19.8 linux/amd64'`);
  assert.match((await jaegerAvailable())?.why ?? "", /needs Go 1\.24.*go1\.19\.8/);
});

/** Tells where its module is; writes what it is told to build. */
const go = (sum: string): string => `
if [ "$1" = version ]; then echo 'go version go1.25.4 linux/amd64'; fi
if [ "$1" = mod ]; then echo '{ "Dir": "/tmp", "Sum": "${sum}" }'; fi
if [ "$1" = build ]; then
  echo build >> "$0.calls"
  while [ "$1" != -o ]; do shift; done
  echo '#!/bin/sh' > "$2"; chmod +x "$2"
fi`;
const JAEGER_SUM = "h1:sWCOOF1dr+NL0PLil7mFo3BqqQL8k4WiM7aguFbc14g=";

test("Jaeger is built once, and Go is not asked for afterwards", async () => {
  await command("go", go(JAEGER_SUM));
  assert.equal(await jaegerAvailable(), undefined);
  const [binary, other] = await Promise.all([jaegerBinary(() => {}), jaegerBinary(() => {})]);
  assert.equal(binary, other);
  const calls = join(machine, "bin", "go.calls");
  const builds = await readFile(calls, "utf8");
  await rm(join(machine, "bin", "go"));
  assert.equal(await jaegerAvailable(), undefined);
  assert.equal(await jaegerBinary(() => {}), binary);
  assert.equal(await readFile(calls, "utf8"), builds);
  assert.deepEqual(await readdir(join(machine, "cache", "throughline")), [basename(binary)]);
});

test("a module other than the one expected is not built", async () => {
  await command("go", go("h1:another"));
  await assert.rejects(
    jaegerBinary(() => {}),
    /has the sum h1:another, not h1:sWCO.*not built/,
  );
  assert.deepEqual(await readdir(join(machine, "cache", "throughline")), []);
});
