import assert from "node:assert/strict";
import { test } from "node:test";

import fc from "fast-check";

import { toBase64, utf8Bytes } from "../../codec/index.ts";
import { SeededEntropy } from "../../crypto/index.ts";
import { nodeHash } from "../../crypto/node.ts";
import type { MessageProperties } from "../broker/index.ts";
import { SqlError } from "./errors.ts";
import { documentOf } from "./evaluation.ts";
import { parseSql } from "./index.ts";
import { applyQuery, evaluate, type EvaluationContext } from "./sql-evaluate.ts";
import { ABSENT_FUNCTIONS, SQL_FUNCTIONS } from "./sql-functions.ts";
import { parseExpression } from "./sql-parse.ts";
import { Patterns } from "./sql-regexp.ts";
import { fillTemplate, parseTemplate } from "./template.ts";
import type { Value } from "./sql-number.ts";

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

const PROPERTIES: MessageProperties = {
  payloadFormatIndicator: 1,
  contentType: "application/json",
  responseTopic: "answers",
  correlationData: Uint8Array.of(1, 2),
  userProperties: [
    ["a", "1"],
    ["b", "2"],
    ["a", "3"],
  ],
};

function contextOf(payload: string | Uint8Array, topic = "factory/line 2/robot"): EvaluationContext {
  const bytes = typeof payload === "string" ? utf8Bytes(payload) : payload;
  const document = documentOf(bytes);
  const about = { qos: 1, retain: false, properties: PROPERTIES, origin: "client" } as const;
  return {
    message: {
      topic,
      payload: bytes,
      ...about,
      address: "192.0.2.7",
      clientId: "robot-7",
      principalId: "ab".repeat(32),
    },
    document,
    version: "2016-03-23",
    account: { id: "123456789012", region: "eu-central-1" },
    now: 1_750_000_000_123.9,
    patterns: new Patterns(),
    lookUp: () => undefined,
    elements: { left: 1000 },
    entropy: new SeededEntropy(nodeHash, "sql"),
    hash: nodeHash,
    traceId: "trace-1",
  };
}

const MESSAGE = JSON.stringify({
  n: 7,
  zero: 0,
  half: -2.5,
  text: "Hello",
  digits: "42",
  yes: true,
  nothing: null,
  list: [1, "two", { three: 3 }],
  state: { reported: { "a-b": 1, temp: 21.5 } },
  deep: { list: [[1, 2], [3]] },
  value: "keyword",
});
const CONTEXT = contextOf(MESSAGE);

/** Each row: an expression and what it is; undefined where it has no value. */
function values(rows: readonly (readonly [sql: string, value: Value])[], context = CONTEXT): void {
  for (const [sql, value] of rows) assert.deepEqual(plain(evaluate(parseExpression(sql), context)), value, sql);
}

/** A value as JSON has it, where a Decimal that is whole is a number like any other. */
function plain(value: Value): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}

function selected(sql: string, payload: string | Uint8Array = MESSAGE): unknown {
  const bytes = applyQuery(parseSql(sql), contextOf(payload));
  return bytes && JSON.parse(new TextDecoder().decode(bytes));
}

test("parseSql reads SELECT * FROM 'topic filter', keywords in any case, blanks anywhere", () => {
  const topic = `$aws/events/certificates/registered/${"a".repeat(64)}`;
  for (const sql of [`SELECT * FROM '${topic}'`, `select*from'${topic}'`, `\n Select\t*\r\nFrom '${topic}' `]) {
    assert.deepEqual(parseSql(sql), {
      version: "2016-03-23",
      select: { kind: "payload" },
      filter: topic,
      where: undefined,
    });
  }
  assert.equal(parseSql("SELECT * FROM 'a/+/b/#'").filter, "a/+/b/#");
  assert.equal(parseSql("SELECT * FROM 'it''s'").filter, "it's");
});

test("parseSql says what is absent, and where: sql-parse", () => {
  refused("SELECT * FROM (SELECT * FROM 'a')", 15, /expected a topic filter in single quotes, not \(/);
  refused("SELECT * FROM '$aws/rules/r/a'", 15, /rules cannot hear Basic Ingest topics/);
  for (const name of ABSENT_FUNCTIONS)
    refused(`SELECT ${name}(a) AS x FROM 'a'`, 8, new RegExp(`the function ${name} is not`));
  assert.deepEqual(
    ABSENT_FUNCTIONS.filter((name) => name in SQL_FUNCTIONS),
    [],
  );
});

test("parseSql refuses what is no SQL, naming what was expected, and where", () => {
  refused("", 1, /expected SELECT, not the end/);
  refused("SELEC * FROM 'a'", 1, /expected SELECT, not SELEC,/);
  refused("SELECT * FORM 'a'", 10, /expected FROM, not FORM/);
  refused('SELECT * FROM "a"', 15, /single quotes/);
  refused("SELECT * FROM a", 15, /expected a topic filter in single quotes, not a/);
  refused("SELECT * FROM 'a", 15, /the text that begins with ' does not end/);
  refused("SELECT * FROM 'a' x", 19, /expected WHERE or the end, not x/);
  refused("SELECT * FROM 'a' WHERE a b", 27, /expected the end, not b/);
  refused("SELECT * FROM 'a' WHERE", 24, /expected an expression, not the end/);
  refused("SELECT * FROM 'a'; SELECT", 18, /";" cannot stand/);
  refused("SELECT a, * FROM 'a'", 11, /\* comes first/);
  refused("SELECT topic() FROM 'a'", 8, /needs AS and a name/);
  refused(
    "SELECT 1 AS FROM FROM 'a'",
    13,
    /a name after AS \(a word of the language only in double quotes\), not FROM/,
  );
  refused("SELECT FROM 'a'", 8, /expected an expression, not FROM/);
  refused("SELECT a.1 FROM 'a'", 10, /the name of a member, not 1/);
  refused("SELECT a[1 FROM 'a'", 12, /expected \], not FROM/);
  refused("SELECT nosuch(1) AS x FROM 'a'", 8, /there is no function nosuch/);
  refused("SELECT abs() AS x FROM 'a'", 8, /abs takes 1 arguments, not 0/);
  refused("SELECT trunc(1, 2, 3) AS x FROM 'a'", 8, /takes 1 to 2 arguments, not 3/);
  refused("SELECT cast(a AS Date) AS x FROM 'a'", 18, /String, Int, Decimal, Boolean, not Date/);
  refused("SELECT CASE a END AS x FROM 'a'", 15, /expected WHEN/);
  refused("SELECT (1 FROM 'a'", 11, /expected \)/);
  refused("SELECT * FROM 'a#'", 15, /# is not alone in the last level/);
  refused("SELECT * FROM 'a/#/b'", 15, /# is not alone/);
  refused("SELECT * FROM 'a+'", 15, /\+ is not alone in its level/);
  refused("SELECT * FROM ''", 15, /it is empty/);
  refused("SELECT * FROM '\0'", 15, /null character/);
  refused(`SELECT * FROM '${"a".repeat(257)}'`, 15, /over 256 bytes/);
});

test("parseSql bounds nesting, chains and fields, so that no rule can exhaust the stack", () => {
  refused(`SELECT ${"(".repeat(100)}1 FROM 'a'`, 8 + 64, /nested deeper than 64/);
  refused(`SELECT ${"-".repeat(100)}1 AS x FROM 'a'`, 8 + 64, /nested deeper than 64/);
  refused(`SELECT * FROM 'a' WHERE ${"NOT ".repeat(100)}a`, 25 + 4 * 64, /nested deeper than 64/);
  for (const chain of [`1${" + 1".repeat(20_000)}`, `a${".a".repeat(20_000)}`, `a${"[0]".repeat(20_000)}`]) {
    assert.throws(() => parseSql(`SELECT ${chain} AS x FROM 'a'`), {
      code: "sql-parse",
      message: /more than 1000 parts/,
    });
  }
  const fields = Array.from({ length: 101 }, (_, i) => `a AS f${i}`).join(", ");
  assert.throws(() => parseSql(`SELECT ${fields} FROM 'a'`), { code: "sql-parse", message: /more than 100 fields/ });
});

test("SELECT makes an object of fields: paths by their last name, aliases, * first, what has no value left out", () => {
  assert.deepEqual(selected("SELECT n, state.reported.temp, topic(3) AS robot, missing, a.b.c FROM '#'"), {
    n: 7,
    temp: 21.5,
    robot: "robot",
  });
  assert.deepEqual(selected("SELECT *, topic(1) AS site, n + 1 AS n FROM '#'", '{"n":1,"x":null}'), {
    n: 2,
    x: null,
    site: "factory",
  });
  assert.deepEqual(selected('SELECT state.reported."a-b" AS "odd name" FROM \'#\''), { "odd name": 1 });
  assert.deepEqual(selected("SELECT VALUE list[2] FROM '#'"), { three: 3 });
  assert.deepEqual(selected("SELECT VALUE n * 2 FROM '#'"), 14);
  assert.deepEqual(selected("SELECT *, 1 AS one FROM '#'", "[1]"), { one: 1 }, "only an object has fields");
  const made = selected("SELECT *, __proto__ AS p FROM '#'", '{"__proto__":{"polluted":1},"constructor":2}');
  assert.deepEqual(Object.entries(made as object), [
    ["__proto__", { polluted: 1 }],
    ["constructor", 2],
    ["p", { polluted: 1 }],
  ]);
  assert.equal(({} as Record<string, unknown>)["polluted"], undefined);
  assert.deepEqual(selected("SELECT toString AS a, hasOwnProperty.call AS b FROM '#'"), {});
});

test("a path with .* gives the members of an object their own names, or the object a name", () => {
  const message = '{"state":{"reported":{"t":1,"h":2}},"n":7,"list":[{"a":{"x":1}},{"a":2}]}';
  assert.deepEqual(selected("SELECT state.reported.*, topic(3) AS robot FROM '#'", message), {
    t: 1,
    h: 2,
    robot: "robot",
  });
  assert.deepEqual(selected("SELECT state.reported.* AS s, n FROM '#'", message), { s: { t: 1, h: 2 }, n: 7 });
  assert.deepEqual(selected("SELECT n.*, missing.*, list.*, n * 2 AS d FROM '#'", message), { d: 14 });
  assert.deepEqual(selected("SELECT *, state.reported.* FROM '#'", '{"state":{"reported":{"n":2}},"n":1}'), {
    state: { reported: { n: 2 } },
    n: 2,
  });
  assert.deepEqual(selected("SELECT VALUE (SELECT a.* FROM list) FROM '#'", message), [{ x: 1 }, {}]);
  refused("SELECT f(a).* FROM '#'", 8, /f/);
  refused("SELECT * FROM 'a' WHERE a.* = 1", 26, /expected the end, not \./);
  refused("SELECT a.*.b FROM 'a'", 11, /expected FROM, not \./);
});

test("SELECT * hands the payload on as it came, also where it is no JSON; fields of that have no value", () => {
  const binary = Uint8Array.from([0xff, 0, 1]);
  assert.deepEqual(applyQuery(parseSql("SELECT * FROM '#'"), contextOf(binary)), binary);
  assert.deepEqual(selected("SELECT encode(*, 'base64') AS data, a, topic() AS t FROM '#'", binary), {
    data: toBase64(binary),
    t: "factory/line 2/robot",
  });
  assert.equal(applyQuery(parseSql("SELECT * FROM '#' WHERE a = 1"), contextOf(binary)), undefined);
});

test("a nested SELECT makes a list of a list, and one result of an object", () => {
  const payload = JSON.stringify({
    e: [
      { n: "temperature", u: "Cel", v: 22.5 },
      { n: "light", u: "lm", v: 135 },
    ],
    o: { a: 1, b: 2, c: [{ x: 1 }, { x: 2 }] },
    n: 9,
  });
  const rows: [sql: string, expected: Value][] = [
    ["SELECT (SELECT VALUE n FROM e) AS sensors FROM '#'", { sensors: ["temperature", "light"] }],
    ["SELECT (SELECT v FROM e WHERE n = 'temperature') AS t FROM '#'", { t: [{ v: 22.5 }] }],
    ["SELECT get((SELECT v FROM e WHERE n = 'temperature'), 0).v AS t FROM '#'", { t: 22.5 }],
    ["SELECT (SELECT a, b FROM o) AS o FROM '#'", { o: { a: 1, b: 2 } }],
    ["SELECT VALUE (SELECT VALUE c FROM o) FROM '#'", [{ x: 1 }, { x: 2 }]],
    [
      "SELECT (SELECT *, upper(n) AS big FROM e WHERE v > 100) AS x FROM '#'",
      {
        x: [{ n: "light", u: "lm", v: 135, big: "LIGHT" }],
      },
    ],
    ["SELECT VALUE (SELECT VALUE * FROM o.c) FROM '#'", [{ x: 1 }, { x: 2 }]],
    ["SELECT (SELECT (SELECT VALUE x FROM c) AS xs FROM o) AS o FROM '#'", { o: { xs: [1, 2] } }],
    ["SELECT EXISTS (SELECT * FROM e WHERE n = 'light') AS has FROM '#'", { has: true }],
    [
      "SELECT 22.5 IN (SELECT VALUE v FROM e) AS has, 1 IN (SELECT VALUE v FROM e) AS no FROM '#'",
      {
        has: true,
        no: false,
      },
    ],
    ["SELECT (SELECT n FROM missing) AS x, (SELECT n FROM o WHERE false) AS y, n FROM '#'", { n: 9 }],
    [
      "SELECT VALUE transform('enrichArray', (SELECT a, b FROM o), (SELECT VALUE c FROM o)) FROM '#'",
      [
        { x: 1, a: 1, b: 2 },
        { x: 2, a: 1, b: 2 },
      ],
    ],
    ["SELECT VALUE {\"a\": n, 'b': {}, \"c\": missing} FROM '#'", { a: 9, b: {} }],
  ];
  for (const [sql, expected] of rows) assert.deepEqual(selected(sql, payload), expected, sql);
  const passes = (condition: string) =>
    applyQuery(parseSql(`SELECT * FROM '#' WHERE ${condition}`), contextOf(payload)) !== undefined;
  assert.equal(passes("EXISTS (SELECT * FROM e WHERE v > 100)"), true);
  assert.equal(passes("NOT EXISTS (SELECT * FROM e WHERE v > 200)"), true);
  assert.equal(passes("EXISTS (SELECT * FROM missing)"), false);
  assert.throws(() => parseSql("SELECT (SELECT n FROM e) AS x FROM 'a'", "2015-10-08"), {
    message: /a nested SELECT needs awsIotSqlVersion 2016-03-23, at character 9 /,
  });
  refused("SELECT (SELECT n e) AS x FROM 'a'", 18, /expected FROM/);
  refused("SELECT (SELECT n FROM e AS x FROM 'a'", 25, /expected \)/);
  refused("SELECT {a: 1} AS x FROM 'a'", 9, /a name in quotes/);
  refused("SELECT {'a' 1} AS x FROM 'a'", 13, /expected :/);
});

test("nested queries look at a bounded number of elements, however they multiply", () => {
  const list = JSON.stringify({ e: Array.from({ length: 1000 }, () => 1) });
  const context = { ...contextOf(list), elements: { left: 100_000 } };
  let sql = "1";
  // Each level goes over a list that the rule itself makes: 20 to the power of 12 elements without a bound.
  for (let i = 0; i < 12; i++) sql = `(SELECT VALUE ${sql} FROM [${Array.from({ length: 20 }, () => "1").join()}])`;
  applyQuery(parseSql(`SELECT ${sql} AS x FROM '#'`), context);
  assert.ok(context.elements.left < 0);
});

test("SELECT without FROM is for Basic Ingest", () => {
  assert.equal(parseSql("SELECT *").filter, undefined);
  assert.equal(parseSql("SELECT a, b WHERE a > 1").filter, undefined);
  refused("SELECT a FROM", 14, /a topic filter in single quotes, not the end/);
});

test("WHERE lets a message through only where its condition is true", () => {
  const rows: [condition: string, passes: boolean][] = [
    ["n = 7", true],
    ["n <> 7", false],
    ["n != 8", true],
    ["missing = 1", false],
    ["NOT missing = 1", false],
    ["missing <> 1", false],
    ["n > 6 AND n <= 7", true],
    ["missing = 1 OR n = 7", true],
    ["missing = 1 AND n = 7", false],
    ["NOT (missing = 1 AND n = 8)", true],
    ["n", false],
    ["yes", true],
    ["isUndefined(missing)", true],
    ["isNull(nothing) AND NOT isNull(missing)", true],
    ["text IN ('Hi', 'Hello')", true],
    ["n IN [1, 2]", false],
    ["'two' IN list", true],
    ["topic(1) = 'factory' AND startswith(clientid(), 'robot')", true],
  ];
  for (const [condition, passes] of rows) {
    assert.equal(
      applyQuery(parseSql(`SELECT * FROM '#' WHERE ${condition}`), CONTEXT) !== undefined,
      passes,
      condition,
    );
  }
});

test("operators bind, convert and compare as the language says", () => {
  values([
    ["1 + 2 * 3 - 4 / 2", 5],
    ["(1 + 2) * 3", 9],
    ["10 - 3 - 2", 5],
    ["7 % 4", 3],
    ["5 / 2", 2],
    ["5.0 / 2", 2.5],
    ["1 / 0", undefined],
    ["-n + 1", -6],
    ["- -n", 7],
    ["digits * 2", 84],
    ["text * 2", undefined],
    ["text + n", "Hello7"],
    ["digits + 1", "421"],
    ["yes + 1", undefined],
    ["text + missing", undefined],
    ["'a' + list", 'a[1,"two",{"three":3}]'],
    ["digits = 42", true],
    ["text = 42", undefined],
    ["digits > 5", true],
    ["'10' < '9'", true],
    ["'10' < 9", false],
    ["text < 5", undefined],
    ["yes = true", true],
    ["nothing = null", true],
    ["n = null", false],
    ["list[2] = list[2]", true],
    ["deep.list = list", false],
    ["1.5e1 = 15", true],
    ["1 < 2 AND 2 < 3 OR missing", true],
    ["NOT 'TRUE'", false],
    ["NOT n", undefined],
    ["n IN (7)", true],
    ["n IN n", undefined],
    ["missing IN (1)", undefined],
    ["false AND missing", false],
    ["missing OR missing", undefined],
    ['\'it\'\'s\' + """q"""', 'it\'s"q"'],
  ]);
});

test("Int and Decimal are two types: Ints divide to an Int, and a Decimal stays one, though it be whole", () => {
  const text = (sql: string, payload: string) => {
    const bytes = applyQuery(parseSql(`SELECT VALUE ${sql} FROM '#'`), contextOf(payload));
    return new TextDecoder().decode(bytes);
  };
  const payload = '{"i":7,"d":7.0,"e":7e0,"f":7.5,"deep":[{"d":2.0}],"text":"2"}';
  const rows: readonly (readonly [sql: string, json: string])[] = [
    ["(i / 2)", "3"],
    ["(-i / 2)", "-3"],
    ["(i / 2.0)", "3.5"],
    ["(d / 2)", "3.5"],
    ["(e / 2)", "3.5"],
    ["(i / deep[0].d)", "3.5"],
    ["(i / text)", "3.5"],
    ["(d)", "7.0"],
    ["(d + i)", "14.0"],
    ["(f * 2)", "15.0"],
    ["((f * 2) / 2)", "7.5"],
    ["(i * 2 / 4)", "3"],
    ["(-d / 2)", "-3.5"],
    ["(i - 1)", "6"],
    ["(i % 4)", "3"],
    ["(d % 4)", "3.0"],
    ["(sqrt(4) / 4)", "0.5"],
    ["(power(2, 5))", "32.0"],
    ["(floor(f) / 2)", "3"],
    ["(round(d) / 2)", "3"],
    ["(abs(d) / 2)", "3.5"],
    ["(trunc(f, 0) / 2)", "3"],
    ["(mod(d, 4) / 2)", "1.5"],
    ["(cast(i AS Decimal) / 2)", "3.5"],
    ["(cast(d AS Int) / 2)", "3"],
    ["(cast(d AS String))", '"7.0"'],
    ["(cast(d AS Boolean))", "true"],
    ["(decode(encode('[7.0]', 'base64'), 'base64')[0] / 2)", "3.5"],
    ["(d = i AND i IN (7.0) AND d IN (7) AND [d] = [i])", "true"],
    ["(d > 6 AND d < 8 AND NOT d < i)", "true"],
    ["(CASE d WHEN 7 THEN 'same' END)", '"same"'],
    ["(substring('abcdefgh', d))", '"h"'],
    ["(get(deep, 0.0).d)", "2.0"],
    ["(d.value)", ""],
    ["(isUndefined(d.toJSON))", "true"],
    ["(-9007199254740993 / 3)", "-3002399751580330"],
    ["(1 / 0)", ""],
    ["(1.0 / 0)", ""],
  ];
  for (const [sql, json] of rows) assert.equal(text(sql, payload), json, sql);
  assert.equal(text("(a / 2)", '{"a": 1.0000001}'), "0.50000005");
  assert.equal(text("*", '{"a": 4.0}'), '{"a": 4.0}', "the payload itself is never written anew");
});

test("paths reach into objects by name and into lists by number", () => {
  values([
    ["list[0]", 1],
    ["list[2].three", 3],
    ["list[-1]", undefined],
    ["list[1 + 1].three", 3],
    ["deep.list[0][1]", 2],
    ["list.length", undefined],
    ["state.reported.temp.x", undefined],
    ["text[1]", "e"],
    ["text.length", undefined],
    ["state['reported'].temp", 21.5],
    ["get(list, 1)", "two"],
    ["get(state, 'reported')", { "a-b": 1, temp: 21.5 }],
    ["get(n, 0)", undefined],
  ]);
});

test("members may be called as keywords are: value above all", () => {
  const payload = '{"value":5,"a":{"value":1,"from":2,"end":{"in":3}}}';
  assert.deepEqual(selected("SELECT value FROM '#'", payload), { value: 5 });
  assert.deepEqual(selected("SELECT value AS v, a.from, a.end.in AS i FROM '#'", payload), { v: 5, from: 2, i: 3 });
  assert.deepEqual(selected("SELECT value - 1 AS less, value + a.value AS value FROM '#'", payload), {
    less: 4,
    value: 6,
  });
  assert.deepEqual(selected("SELECT VALUE value FROM '#' WHERE value > 4", payload), 5);
  assert.deepEqual(selected("SELECT VALUE (a.value) FROM '#'", payload), 1);
  assert.deepEqual(selected("SELECT VALUE CASE value WHEN 5 THEN 'five' END FROM '#'", payload), "five");
});

test("CASE takes the first branch that holds", () => {
  values([
    ["CASE n WHEN 1 THEN 'one' WHEN 7 THEN 'seven' ELSE 'many' END", "seven"],
    ["CASE n WHEN 1 THEN 'one' END", undefined],
    ["CASE WHEN n > 10 THEN 'big' WHEN missing THEN 'odd' ELSE 'small' END", "small"],
    ["case when yes then case text when 'Hello' then 1 end end", 1],
  ]);
});

test("CAST converts, and gives no value where nothing sensible comes of it", () => {
  values([
    ["cast(n AS String)", "7"],
    ["cast(list AS String)", '[1,"two",{"three":3}]'],
    ["cast(digits AS Int)", 42],
    ["cast(half AS Int)", -3],
    ["cast('1e2' AS Decimal)", 100],
    ["cast('x' AS Decimal)", undefined],
    ["cast(yes AS Int)", 1],
    ["cast(zero AS Boolean)", false],
    ["cast('True' AS Boolean)", true],
    ["cast(text AS Boolean)", undefined],
    ["cast(nothing AS String)", "null"],
    ["cast(nothing AS Int)", undefined],
    ["cast(missing AS String)", undefined],
  ]);
});

test("every function of the table gives what it should, and no value for arguments that make no sense", () => {
  const rows: Record<string, readonly (readonly [sql: string, value: Value])[]> = {
    abs: [
      ["abs(half)", 2.5],
      ["abs('-3')", 3],
      ["abs(text)", undefined],
    ],
    acos: [
      ["acos(1)", 0],
      ["acos(2)", undefined],
    ],
    asin: [["asin(0)", 0]],
    atan: [["atan(0)", 0]],
    atan2: [["atan2(0, 1)", 0]],
    bitand: [
      ["bitand(12, 10)", 8],
      ["bitand(4294967297, 4294967296)", 4294967296],
      ["bitand(1.5, 1)", undefined],
    ],
    bitnot: [
      ["bitnot(5)", -6],
      ["bitnot(1.5)", undefined],
    ],
    bitor: [["bitor(12, 10)", 14]],
    bitxor: [["bitxor(12, 10)", 6]],
    ceil: [["ceil(1.2)", 2]],
    cos: [["cos(0)", 1]],
    cosh: [["cosh(0)", 1]],
    exp: [
      ["exp(0)", 1],
      ["exp(1000)", undefined],
    ],
    floor: [["floor(half)", -3]],
    ln: [
      ["ln(1)", 0],
      ["ln(0)", undefined],
    ],
    log: [["log(1000)", 3]],
    nanvl: [
      ["nanvl(8, 3)", 8],
      ["nanvl(missing, 3)", 3],
      ["nanvl(nothing, text)", "Hello"],
      ["nanvl(text, 3)", "Hello"],
    ],
    rand: [
      ["rand() >= 0 AND rand() < 1", true],
      ["rand() = rand()", false],
    ],
    mod: [
      ["mod(8, 3)", 2],
      ["mod(8, 0)", undefined],
    ],
    power: [["power(2, 10)", 1024]],
    remainder: [["remainder(8, 3)", 2]],
    round: [
      ["round(2.5)", 3],
      ["round(half)", -3],
      ["round(0.4)", 0],
    ],
    sign: [["sign(half)", -1]],
    sin: [["sin(0)", 0]],
    sinh: [["sinh(0)", 0]],
    sqrt: [
      ["sqrt(9)", 3],
      ["sqrt(half)", undefined],
    ],
    tan: [["tan(0)", 0]],
    tanh: [["tanh(0)", 0]],
    trunc: [
      ["trunc(2.3456, 2)", 2.34],
      ["trunc(-2.9)", -2],
      ["trunc(1, 99)", undefined],
    ],
    concat: [
      ["concat(n, '-', text)", "7-Hello"],
      ["concat([1], [2])", [1, 2]],
      ["concat(missing, 'x')", "x"],
      ["concat(missing)", undefined],
    ],
    endswith: [
      ["endswith(text, 'lo')", true],
      ["endswith(missing, 'x')", undefined],
    ],
    indexof: [
      ["indexof(text, 'l')", 2],
      ["indexof(text, 'z')", -1],
    ],
    length: [
      ["length(text)", 5],
      ["length(n)", 1],
    ],
    lower: [["lower(text)", "hello"]],
    lpad: [
      ["lpad(n, 3, '0')", "007"],
      ["lpad(text, 2)", "He"],
      ["lpad(text, 1e9)", undefined],
      ["lpad(text, 9, '')", undefined],
    ],
    ltrim: [["ltrim('  a ')", "a "]],
    numbytes: [["numbytes('ü€')", 5]],
    replace: [
      ["replace(text, 'l', 'LL')", "HeLLLLo"],
      ["replace(text, '', 'x')", "Hello"],
    ],
    rpad: [["rpad(n, 3, 'ab')", "7ab"]],
    rtrim: [["rtrim(' a  ')", " a"]],
    startswith: [["startswith(text, 'He')", true]],
    substring: [
      ["substring(text, 1)", "ello"],
      ["substring(text, 1, 3)", "el"],
      ["substring(text, -5, 2)", "He"],
      ["substring(text, 9)", ""],
    ],
    trim: [["trim(' a ')", "a"]],
    upper: [["upper(text)", "HELLO"]],
    chr: [
      ["chr(65)", "A"],
      ["chr(-1)", undefined],
      ["chr(55296)", undefined],
    ],
    decode: [
      ["decode('SGk=', 'base64')", "Hi"],
      ["decode('eyJhIjoxfQ==', 'base64').a", 1],
      ["decode('/w==', 'base64')", null],
      ["decode('x', 'base64')", null],
      ["decode('SGk=', 'hex')", undefined],
    ],
    encode: [
      ["encode('Hi', 'base64')", "SGk="],
      ["encode(*, 'base64')", toBase64(utf8Bytes(MESSAGE))],
      ["encode(*, 'hex')", undefined],
    ],
    // RFC 1319, appendix A.5
    md2: [
      ["md2('')", "8350e5a3e24c153df2275c9f80692773"],
      ["md2('a')", "32ec01ec4a6dac72c0ab96fb34c0b5d1"],
      ["md2('abc')", "da853b0d3f88d99b30283a69e6ded6bb"],
      ["md2('message digest')", "ab4f496bfb2a530b219ff33031fe06b0"],
      ["md2('abcdefghijklmnopqrstuvwxyz')", "4e8ddff3650292ab5a4108c3aa47940b"],
    ],
    md5: [["md5('hello')", "5d41402abc4b2a76b9719d911017c592"]],
    sha1: [["sha1('abc')", "a9993e364706816aba3e25717850c26c9cd0d89d"]],
    sha224: [["sha224('abc')", "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"]],
    sha256: [["sha256('abc')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"]],
    sha384: [["substring(sha384('abc'), 0, 16)", "cb00753f45a35e8b"]],
    sha512: [["substring(sha512('abc'), 0, 16)", "ddaf35a193617aba"]],
    get: [["get(list, '0')", 1]],
    get_or_default: [
      ["get_or_default(n, 1)", 7],
      ["get_or_default(missing, 1)", 1],
      ["get_or_default(nothing, 'x')", "x"],
    ],
    transform: [
      ['transform(\'enrichArray\', {"k": n}, [{"a": 1}, {"k": 2}])', [{ a: 1, k: 7 }, { k: 7 }]],
      ["transform('enrichArray', n, [])", undefined],
      ["transform('enrichArray', {}, [1])", undefined],
      ["transform('other', {}, [])", undefined],
    ],
    isnull: [
      ["isNull(nothing)", true],
      ["isNull(missing)", false],
    ],
    isundefined: [
      ["isUndefined(missing)", true],
      ["isUndefined(nothing)", false],
    ],
    accountid: [["accountid()", "123456789012"]],
    clientid: [["clientid()", "robot-7"]],
    get_mqtt_property: [
      ["get_mqtt_property('content_type')", "application/json"],
      ["get_mqtt_property('format_indicator')", "UTF8_DATA"],
      ["get_mqtt_property('response_topic')", "answers"],
      ["get_mqtt_property('correlation_data')", "AQI="],
      ["get_mqtt_property('other')", undefined],
    ],
    get_user_properties: [
      ["get_user_properties('a')", ["1", "3"]],
      ["get_user_properties('c')", undefined],
      ["get_user_properties()[1]", { b: "2" }],
    ],
    sourceip: [["sourceip()", "192.0.2.7"]],
    sql_version: [["sql_version()", "2016-03-23"]],
    parse_time: [["parse_time('yyyy-MM-dd', 0)", "1970-01-01"]],
    time_to_epoch: [["time_to_epoch('2020-04-03', 'yyyy-MM-dd')", 1585872000000]],
    regexp_matches: [
      ["regexp_matches('aaaa', 'a{2,}')", true],
      ["regexp_matches('aaaa', 'b')", false],
      ["regexp_matches(n, '^7$')", true],
      ["regexp_matches(nothing, 'n')", undefined],
      ["regexp_matches(text, '(' + text)", undefined],
    ],
    regexp_replace: [
      ["regexp_replace('abcd', 'bc', 'x')", "axd"],
      ["regexp_replace('abcd', 'b(.*)d', '$1')", "ac"],
      ["regexp_replace('abc', 'x*', '-')", "-a-b-c-"],
      ["regexp_replace('a', 'a', '$1')", undefined],
      ["regexp_replace('a', 'a', '\\$1')", "$1"],
    ],
    regexp_substr: [
      ["regexp_substr('hihihello', 'hi')", "hi"],
      ["regexp_substr('hihihello', '(hi)*')", "hihi"],
      ["regexp_substr('hello', 'x')", undefined],
    ],
    newuuid: [
      ["length(newuuid())", 36],
      ["newuuid() = newuuid()", false],
    ],
    principal: [["principal()", "ab".repeat(32)]],
    timestamp: [["timestamp()", 1_750_000_000_123]],
    topic: [
      ["topic()", "factory/line 2/robot"],
      ["topic(2)", "line 2"],
      ["topic(4)", undefined],
      ["topic(0)", undefined],
    ],
    traceid: [["traceid()", "trace-1"]],
  };
  assert.deepEqual(
    Object.keys(rows).toSorted(),
    Object.keys(SQL_FUNCTIONS).toSorted(),
    "every function has a row here",
  );
  for (const each of Object.values(rows)) values(each);
  const system = contextOf("{}");
  const own = { ...system, message: { ...system.message, clientId: "", principalId: "" } };
  values(
    [
      ["clientid()", "n/a"],
      ["principal()", undefined],
    ],
    own,
  );
});

test("what an expression makes stays within a message's size", () => {
  const context = contextOf(
    JSON.stringify({ long: "x".repeat(200_000), many: Array.from({ length: 50_000 }, () => 0) }),
  );
  values(
    [
      ["long + long", undefined],
      ["concat(long, long)", undefined],
      ["replace(long, 'x', 'yyyy')", undefined],
      ["concat(many, many)", undefined],
      ["length(long + 'x')", 200_001],
    ],
    context,
  );
  // The numeric key keeps JSON.stringify off its path without recursion.
  const nested = contextOf(`{"a":{"1":${"[".repeat(60_000)}${"]".repeat(60_000)}}}`);
  values(
    [
      ["a = a", false],
      ["a + 'x'", undefined],
    ],
    nested,
  );
  assert.deepEqual(applyQuery(parseSql("SELECT a FROM '#'"), nested), new Uint8Array());
});

test("templates put the values of expressions into a text", () => {
  const fill = (text: string) => fillTemplate(parseTemplate(text), CONTEXT);
  assert.equal(fill("plain"), "plain");
  assert.equal(fill(""), "");
  assert.equal(fill("a/${topic(3)}/${n + 1}"), "a/robot/8");
  assert.equal(fill("${get(state.reported, 'a-b')}${'}'}"), "1}");
  assert.equal(fill("$$aws/${text}$"), "$$aws/Hello$");
  assert.equal(fill("a/${missing}"), undefined);
  const bad = (text: string, character: number) =>
    assert.throws(
      () => parseTemplate(text),
      (error) => error instanceof SqlError && error.character === character && /of the template/.test(error.message),
    );
  bad("ab${", 3);
  bad("ab${'}", 3);
  bad("ab${}", 5);
  bad("ab${a b}", 7);
});

const WORDS = [
  "SELECT",
  "*",
  "FROM",
  "'a/b'",
  "WHERE",
  "AND",
  "NOT",
  "x",
  "1.5e3",
  '"q"',
  "'",
  "(",
  ")",
  ",",
  ".",
  "[",
  "]",
  " ",
  "=",
  "CASE",
  "WHEN",
  "THEN",
  "END",
  "IN",
  "-",
  "cast(",
  "AS",
  "Int",
  "abs(",
  "topic()",
  "\u{1f600}",
  "''",
];

test("parseSql gives a query or an SqlError whose place lies within the text, whatever it is given", () => {
  const soup = fc.array(fc.constantFrom(...WORDS), { maxLength: 30 }).map((words) => words.join(" "));
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        soup,
        soup.map((text) => `SELECT ${text} FROM 'a'`),
      ),
      fc.json(),
      (sql, payload) => {
        try {
          applyQuery(parseSql(sql), contextOf(payload));
        } catch (error) {
          assert.ok(error instanceof SqlError, String(error));
          assert.ok(error.character >= 1 && error.character <= sql.length + 1);
        }
      },
    ),
    { numRuns: 1000 },
  );
});

test("evaluate never throws: every function on any values gives JSON or nothing", () => {
  const value = fc.oneof(fc.jsonValue(), fc.constant(undefined));
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(SQL_FUNCTIONS)), fc.array(value, { maxLength: 3 }), (name, args) => {
      const result = SQL_FUNCTIONS[name]?.call(args as Value[], CONTEXT);
      assert.ok(result === undefined || JSON.stringify(result) !== undefined);
      assert.ok(typeof result !== "number" || Number.isFinite(result), `${name}(${JSON.stringify(args)})`);
    }),
    { numRuns: 1000 },
  );
});
