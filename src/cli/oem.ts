import { basename } from "node:path";

import { Option, type Command } from "commander";

import { withAccessOptions } from "./chip-access.ts";
import { badOption } from "./errors.ts";
import { interruptible } from "./interrupt.ts";
import { createCredentials, type CredentialOptions } from "./oem-credentials.ts";
import { type ClientOptions, runOemClient } from "./oem-client.ts";
import { prepareClient, type PrepareOptions } from "./oem-prepare.ts";
import { explainBuild, layOutScripts } from "./oem-scripts.ts";
import { serveOem, type ServerOptions } from "./oem-server.ts";
import { CLIENT_MODES, meaningOf, modeOf, PORT, SERVER_MODES, SERVER_NAME, SPELLINGS } from "./oem-words.ts";
import { examples, outputOf, portOption } from "./output.ts";

/** `hawser oem`: the demonstration of AN12132, chapter 5, whose scripts are thin shells around it. */
export function registerOemCommands(program: Command): void {
  const oem = program
    .command("oem")
    .description("the demonstration of AN12132: TLS between an A71CH and an OEM's server")
    .addHelpText("after", `\nMisprints and spellings of the notes: ${Object.keys(SPELLINGS).join(", ")}\n`);
  registerCredentials(oem);
  registerPrepare(oem);
  registerServer(oem);
  registerClient(oem);
  registerScripts(oem);
  oem
    .command("spelling")
    .argument("<word>", "a word of AN12131 or AN12132")
    .description("what is meant by a word that the notes misspell or spell in several ways")
    .addHelpText("after", examples("hawser oem spelling OM3170"))
    .action((word: string, _options: object, command: Command) => {
      const meaning = meaningOf(word);
      if (meaning === undefined) throw badOption(`'${word}' is none of ${Object.keys(SPELLINGS).join(", ")}`);
      outputOf(command).line({ word, meaning }, meaning);
    });
}

/** Where the note's scripts keep the credentials: beside their own folder. */
function eccFolder(): string {
  return basename(process.cwd()) === "scripts" ? "../ecc" : "ecc";
}

/** The chip of the environment, as the note's tools look for it. */
function chipAddress(): string {
  return process.env.RJCT_SERVER_ADDR ?? "127.0.0.1:8050";
}

function registerCredentials(oem: Command): void {
  withAccessOptions(oem.command("credentials"))
    .description("tlsCreateCredentialsRunOnClientOnce.sh: a demonstration CA, and client's and server's credentials")
    .option("--ecc <folder>", "where they are kept, together", eccFolder())
    .option("--chip <host:port>", "put this chip's unique id into the device's name", process.env.RJCT_SERVER_ADDR)
    .option("--manufacturer <name>", "organization of device and server", "Hawser demonstration")
    .option("--function <text>", "what the device is for", "Demo-Unit")
    .option("--contact <address>", "whom to write to about the device")
    .addHelpText("after", examples("hawser oem credentials --ecc ecc --chip 127.0.0.1:8050"))
    .action(async (options: CredentialOptions, command: Command) => createCredentials(options, outputOf(command)));
}

function registerPrepare(oem: Command): void {
  withAccessOptions(oem.command("prepare"))
    .description("tlsPrepareClient.sh: puts the client's key pair and the certificates into the chip, of either family")
    .argument("[ip:port]", "the chip; that of RJCT_SERVER_ADDR, else 127.0.0.1:8050, without", chipAddress())
    .option("--ecc <folder>", "where the credentials are", eccFolder())
    .option("--yes", "also where the chip holds key pairs: an A71CH is reset, an SE05x's key replaced")
    .addHelpText("after", examples("hawser oem prepare 127.0.0.1:8050"))
    .action(async (chip: string, options: Omit<PrepareOptions, "chip">, command: Command) => {
      process.exitCode = await prepareClient({ ...options, chip }, outputOf(command));
    });
}

function registerServer(oem: Command): void {
  oem
    .command("server")
    .description("tlsServer.sh: a server for the demonstration, until interrupted")
    .argument("<mode>", Object.keys(SERVER_MODES).join("|"))
    .option("--ecc <folder>", "where the credentials are", eccFolder())
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--port <number>", "port to listen on, 0 for any free one", portOption, PORT)
    .option("--key <file>", "PEM of the server's private key")
    .option("--trace <file>", "append what our own server does as JSON Lines")
    .addHelpText("after", examples("hawser oem server ECDH", "hawser oem server both --host 0.0.0.0"))
    .action(async (word: string, options: ServerOptions, command: Command) => {
      const mode = modeOf(word, SERVER_MODES);
      const output = outputOf(command);
      await interruptible(async (signal) => serveOem(mode, options, { output, signal }));
    });
}

function registerClient(oem: Command): void {
  withAccessOptions(oem.command("client"))
    .description("tlsSeClient.sh: connects with the key in the chip and shows the session")
    .argument("<ip-address>", "the server")
    .argument("<mode>", Object.keys(CLIENT_MODES).join("|"))
    .option("--ecc <folder>", "where certificate and CA certificate are", eccFolder())
    .option("--chip <host:port>", "where the chip listens", chipAddress())
    .option("--port <number>", "the server's port", portOption, PORT)
    .option("--servername <name>", "the name that the server's certificate must bear", SERVER_NAME)
    .option("--stored", "take the certificates out of the chip")
    .option("--reconnect", "connect twice; the second time the session is resumed")
    .option("--message <text>", "what to say", "hello from the secure element\n")
    .option("--trace <file>", "append what happens as JSON Lines")
    .addOption(new Option("--mermaid", "draw the handshake as a Mermaid diagram"))
    .addHelpText("after", examples("hawser oem client 127.0.0.1 ECDH", "hawser oem client 127.0.0.1 ECDHE --reconnect"))
    .action(async (ip: string, word: string, options: ClientOptions, command: Command) => {
      const mode = modeOf(word, CLIENT_MODES);
      const output = outputOf(command);
      await interruptible(async (signal) => runOemClient(ip, { mode, options }, { output, signal }));
    });
}

function registerScripts(oem: Command): void {
  oem
    .command("scripts")
    .description("the note's folders, with its scripts as shells around these commands")
    .argument("[folder]", "where axHostSw is made", ".")
    .action((folder: string, _options: object, command: Command) => layOutScripts(folder, outputOf(command)));
  oem
    .command("build")
    .description("what the note's make line asks for, checked")
    .addOption(new Option("--applet <name>").choices(["A71CH"]).makeOptionMandatory())
    .addOption(new Option("--conn <way>").choices(["i2c", "socket"]).makeOptionMandatory())
    .addOption(new Option("--platf <name>").choices(["native", "imx"]).makeOptionMandatory())
    .action((options: { applet: string; conn: string; platf: string }, command: Command) =>
      explainBuild(options, outputOf(command)),
    );
}
