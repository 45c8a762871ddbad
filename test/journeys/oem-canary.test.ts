/** The demonstration of AN12132, chapter 5, in processes of its own: where the device's key may be, and where it is not. */
import assert from "node:assert/strict";
import { cpSync, readFileSync, rmSync } from "node:fs";
import { test } from "node:test";

import { filesBelow, holdersOf } from "../../scripts/canary.ts";
import { words } from "../../scripts/programs.ts";
import { WireTap } from "../../scripts/wire-tap.ts";
import { FILES } from "../../src/cli/oem-words.ts";
import { Scene, scalarIn } from "./canary-scene.ts";
import { occurrencesInMemory } from "./process-memory.ts";

/** A server's mode and the clients that meet it. */
const MEETINGS = [
  { mode: "both", clients: [words`ECDH --reconnect`, words`ECDHE --stored`] },
  { mode: "ecdhe-psk", clients: [words`ecdhe-psk`] },
] as const;

test(
  "OE-16 OE-50 the device's key of the demonstration is in its file and in the chip, and passes over the bus once, when it is injected",
  { timeout: 60_000 },
  async (t) => {
    const scene = new Scene(t);
    const chip = scene.start(words`chip serve --port 0 --state chip.state --trace chip.jsonl --json`);
    const { address = "" } = await chip.json({ event: "listening" });
    const bus = await scene.tapped(WireTap.open(address));
    const at = bus.address.replace("localhost", "127.0.0.1");
    await scene.hawser(words`oem credentials --ecc ecc --chip ${at}`);
    await scene.hawser(words`oem prepare ${at} --ecc ecc`);
    const injections = bus.sent.map((_, i) => `wire 0.${i}`);
    const key = scene.path(`ecc/${FILES.clientKey}`);
    const scalar = scalarIn(key);
    // What is carried to the server is the folder without the device's key: nothing there asks for it.
    cpSync(scene.path("ecc"), scene.path("server"), { recursive: true });
    rmSync(scene.path(`server/${FILES.clientKey}`));

    const watch = scene.watchFor(scalar);
    for (const { mode, clients } of MEETINGS) {
      const server = scene.start(words`oem server ${mode} --ecc server --port 0 --trace server.jsonl --json`);
      const listening = await server.json({ event: "listening" });
      const tls = await scene.tapped(WireTap.open(listening["address"] ?? ""));
      const port = tls.address.slice(tls.address.indexOf(":") + 1);
      for (const client of clients) {
        const said = await scene.hawser(
          words`oem client 127.0.0.1 ${client} --ecc ecc --chip ${at} --port ${port} --json`,
        );
        assert.ok(
          said.some((line) => line.includes('"event":"connected"')),
          said.join("\n"),
        );
      }
      assert.equal(occurrencesInMemory(server.pid, scalar) ?? 0, 0, "the server never had it");
      await server.stop();
      scene.keep(server);
    }
    assert.deepEqual(
      watch.reports().map(({ count }) => count),
      [0, 0, 0],
      "nor had any client",
    );
    assert.ok((occurrencesInMemory(chip.pid, scalar) ?? 1) > 0, "the search finds the key where it must be");
    await chip.stop();
    scene.keep(chip);

    const everything = [...filesBelow(scene.folder), ...scene.wires(), ...scene.outputs];
    assert.ok(scene.wires().length >= 16, `${scene.wires().length} wires`);
    const [file, wire = "", ...more] = holdersOf(scalar, everything);
    assert.deepEqual([file, more], [key, []]);
    assert.ok(injections.includes(wire), `${wire} is from before the key was in the chip`);
    assert.match(readFileSync(scene.path("chip.jsonl"), "utf8"), /"name":"Sign"[^]*"name":"DeriveEcdhPskMasterSecret"/);
  },
);
