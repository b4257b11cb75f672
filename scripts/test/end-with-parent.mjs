// Loaded into each test process: it ends, by way of its exit handlers, when the test script does,
// however that came about. node:test leaves a test that is under way running.
const end = () => process.exit(1);

process.stdin.once("close", end);
process.stdin.resume();
process.stdin.unref();
// What the process writes just then would be an uncaught EPIPE, which skips the exit handlers.
process.stdout.once("error", end);
process.stderr.once("error", end);
