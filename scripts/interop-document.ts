/** docs/interop.md, from the table that test/interop/tls-matrix.test.ts runs. */
import {
  type ClientName,
  CLIENTS,
  type Outcome,
  outcomeOf,
  type PeerName,
  PEERS,
  type Row,
  ROWS,
} from "../test/interop/matrix.ts";

const peers = Object.keys(PEERS) as PeerName[];
const clients = Object.keys(CLIENTS) as ClientName[];

/** The page's text. */
export function interopDocument(): string {
  const notes = new Notes();
  const table = [
    ["", ...peers],
    ["---", ...peers.map(() => "---")],
    ...ROWS.map((row) => [row.id, ...peers.map((peer) => cell(peer, row, notes))]),
  ];
  return [
    "# TLS interop",
    "Every suite, version and group of the client in `src/tls`, with servers that nobody here wrote. Written by " +
      "`node scripts/interop.ts` from `test/interop/matrix.ts`; `test/interop/tls-matrix.test.ts` makes each " +
      "connection and fails where one ends otherwise than this page says.",
    "## Who",
    peers.map((peer) => `- **${peer}**: ${PEERS[peer]}`).join("\n"),
    "Each server asks for a client certificate and answers only to a good one, or to none. The clients:",
    clients.map((client) => `- **${client}**: ${CLIENTS[client]}`).join("\n"),
    "## What",
    counts(),
    "`yes` means that each of the five clients connects, shows its certificate where the suite asks for one, sends a line and gets it back. A number leads to the note that says which of them does not, and why.",
    table.map((cells) => `| ${cells.join(" | ")} |`).join("\n"),
    "## Notes",
    `${notes.lines().join("\n")}\n`,
  ].join("\n\n");
}

function counts(): string {
  const outcomes = peers.flatMap((peer) =>
    ROWS.flatMap((row) => clients.map((client) => outcomeOf(peer, row, client).does)),
  );
  const count = (does: Outcome["does"]) => outcomes.filter((each) => each === does).length;
  const cells = `${ROWS.length} rows, ${peers.length} peers and ${clients.length} clients make ${outcomes.length} cells`;
  return (
    `${cells}: ${count("connects")} connect as they should, ${count("withholds")} connect without the certificate, ` +
    `${count("fails")} are refused, and in ${count("nothing")} there is nothing to try.`
  );
}

function cell(peer: PeerName, row: Row, notes: Notes): string {
  const outcomes = clients.map((client) => ({ client, outcome: outcomeOf(peer, row, client) }));
  const tried = outcomes.filter(({ outcome }) => outcome.does !== "nothing").length;
  const marks = [...Map.groupBy(outcomes, ({ outcome }) => outcome).entries()].flatMap(([outcome, found]) => {
    if (outcome.does === "connects") return [];
    const who = found.length === tried ? "" : `${found.map(({ client }) => client).join(", ")}: `;
    return [notes.mark(who + reasonOf(outcome))];
  });
  const answer = outcomes[0]?.outcome.does === "fails" ? "no" : "yes";
  return [answer, ...marks.map((mark) => `[${mark}]`)].join(" ");
}

function reasonOf(outcome: Exclude<Outcome, { does: "connects" }>): string {
  if (outcome.does !== "fails") return outcome.because;
  const how =
    outcome.error === "alert-received" ? `its alert is ${outcome.alert}` : `our error is \`${outcome.error}\``;
  return `${outcome.because}; ${how}`;
}

/** Notes by number, each text once. */
class Notes {
  readonly #texts: string[] = [];

  mark(text: string): number {
    const known = this.#texts.indexOf(text);
    return known >= 0 ? known + 1 : this.#texts.push(text);
  }

  lines(): string[] {
    return this.#texts.map((text, index) => `${index + 1}. ${text}.`);
  }
}
