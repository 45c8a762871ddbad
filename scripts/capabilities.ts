/**
 * Which rows of docs/capabilities.md a named test shows, and which none does.
 *
 *   npm run capabilities             counts and the uncovered ids, by note
 *   npm run capabilities -- --json   the same as one JSON object
 *   npm run capabilities -- --where  also the test that shows each covered row
 */
import { capabilityReport } from "./capability-report.ts";

const json = process.argv.includes("--json");
const where = process.argv.includes("--where");
const report = capabilityReport();

if (json) {
  process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
} else {
  for (const note of report.notes) {
    process.stdout.write(`${note.prefix}: ${note.covered.length} of ${note.total} rows shown by a test\n`);
    if (where) {
      for (const id of note.covered) process.stdout.write(`  ${id}  ${report.tests[id]?.join("; ") ?? ""}\n`);
    }
    if (note.uncovered.length > 0) process.stdout.write(`  not yet: ${note.uncovered.join(" ")}\n`);
  }
  process.stdout.write(`traps decided and tested: ${report.traps.covered.length} of ${report.traps.total}\n`);
  process.stdout.write(`  not yet: ${report.traps.uncovered.join(" ")}\n`);
  process.stdout.write(`all: ${report.covered} of ${report.total} rows\n`);
  if (report.unknown.length > 0)
    process.stdout.write(`ids in test titles that no row has: ${report.unknown.join(" ")}\n`);
}
process.exitCode = report.unknown.length > 0 ? 1 : 0;
