// Runs the checks that the command line names, and prints their results as JSON.

export async function report(checks) {
  const found = {};
  for (const name of process.argv.slice(4)) {
    try {
      found[name] = await checks[name]();
    } catch (error) {
      found[name] = { exception: String(error.stack ?? error) };
    }
  }
  process.stdout.write(JSON.stringify(found), () => process.exit());
}
