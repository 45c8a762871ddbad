import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { parseSql } from "./index.ts";
import { SqlError } from "./errors.ts";

function refused(sql: string, character: number, message: RegExp): void {
  assert.throws(
    () => parseSql(sql),
    (error) => {
      assert.ok(error instanceof SqlError, String(error));
      assert.equal(error.code, "sql-parse");
      assert.match(error.message, message);
      assert.equal(error.character, character, error.message);
      return true;
    },
  );
}

test("parseSql reads SELECT * FROM 'topic filter', keywords in any case, blanks anywhere", () => {
  const topic = `$aws/events/certificates/registered/${"a".repeat(64)}`;
  for (const sql of [`SELECT * FROM '${topic}'`, `select*from'${topic}'`, `\n Select\t*\r\nFrom '${topic}' `]) {
    assert.deepEqual(parseSql(sql), { select: "*", filter: topic });
  }
  assert.equal(parseSql("SELECT * FROM 'a/+/b/#'").filter, "a/+/b/#");
  assert.equal(parseSql("SELECT * FROM 'it''s'").filter, "it's");
});

test("parseSql says what is absent, and where: sql-parse", () => {
  refused("SELECT a FROM 'a'", 8, /SELECT with anything but \* is not available in this version/);
  refused("SELECT *, topic() FROM 'a'", 9, /more than \*/);
  refused("SELECT * FROM 'a' WHERE x = 1", 19, /WHERE is not available/);
  refused("SELECT *", 9, /without FROM \(basic ingest\) is not available/);
});

test("parseSql refuses what is no SQL, naming what was expected, and where", () => {
  refused("", 1, /expected SELECT, not the end/);
  refused("SELEC * FROM 'a'", 1, /expected SELECT, not SELEC,/);
  refused("SELECT * FORM 'a'", 10, /expected FROM, not FORM/);
  refused('SELECT * FROM "a"', 15, /single quotes/);
  refused("SELECT * FROM a", 15, /expected 'topic filter', not a/);
  refused("SELECT * FROM 'a", 15, /the text that begins with ' does not end/);
  refused("SELECT * FROM 'a' x", 19, /expected the end, not x/);
  refused("SELECT * FROM 'a'; SELECT", 18, /";" cannot stand/);
  refused("SELECT * FROM 'a#'", 15, /# is not alone in the last level/);
  refused("SELECT * FROM 'a/#/b'", 15, /# is not alone/);
  refused("SELECT * FROM 'a+'", 15, /\+ is not alone in its level/);
  refused("SELECT * FROM ''", 15, /it is empty/);
  refused("SELECT * FROM '\0'", 15, /null character/);
  refused(`SELECT * FROM '${"a".repeat(257)}'`, 15, /over 256 bytes/);
  refused(`SELECT ${"x".repeat(500)}`, 8, /./);
});

test("parseSql gives a query or an SqlError whose place lies within the text, whatever it is given", () => {
  const word = fc.constantFrom(
    "SELECT",
    "*",
    "FROM",
    "'a/b'",
    "WHERE",
    "x",
    "1.5e3",
    '"q"',
    "'",
    "(",
    ",",
    " ",
    "\u{1f600}",
    "''",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(word).map((words) => words.join(" ")),
      ),
      (sql) => {
        try {
          parseSql(sql);
        } catch (error) {
          assert.ok(error instanceof SqlError);
          assert.ok(error.character >= 1 && error.character <= sql.length + 1);
        }
      },
    ),
    { numRuns: 500 },
  );
});
