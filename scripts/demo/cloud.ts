import { flags, type Line, type Stage } from "./stage.ts";

/** The cloud's facts, as `hawser up --json` prints them in its first line. */
export type DemoCloud = {
  readonly api: string;
  readonly mqtt: string;
  readonly region: string;
  readonly accountId: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly caFile: string;
  readonly credentials: string;
  /** What names there are for certificates: their ids mean nothing to a reader. */
  readonly names: Map<string, string>;
  /** Id of the registered CA. */
  caId: string;
};

/** Chapter 1: CAs, cloud, registration of the intermediate by proof of possession, rule and function. */
export async function setUpCloud(stage: Stage): Promise<DemoCloud> {
  stage.chapter(1, "the OEM's CAs and its cloud");
  const names = new Map<string, string>();
  const program = stage.start(
    "cloud",
    [
      "up",
      ...flags({
        data: stage.path("cloud"),
        "api-port": 0,
        "mqtt-port": 0,
        trace: stage.path("traces", "cloud.jsonl"),
      }),
    ],
    (line) => tellOnboarding(stage, names, line),
  );
  const subjects = { "root-name": "Demo root CA", "intermediate-name": "Demo intermediate CA" };
  await stage.run("ca-init", ["ca", "init", ...flags({ dir: stage.path("ca"), ...subjects })]);
  stage.say("a root CA and an intermediate CA under it are there");
  const cloud: DemoCloud = {
    ...(await program.json<Omit<DemoCloud, "names" | "caId">>({ event: "listening" })),
    names,
    caId: "",
  };
  stage.say(`the cloud is up: control plane ${cloud.api}, MQTT over TLS on ${cloud.mqtt}`);
  await registerCa(stage, cloud);
  const installed = await stage.run("install-jitr", ["cloud", "install-jitr", "--data", stage.path("cloud")]);
  for (const { event, name } of installed) stage.say(`${String(event)} ${String(name)}`);
  return cloud;
}

async function registerCa(stage: Stage, cloud: DemoCloud): Promise<void> {
  const lines = await stage.run("register-ca", [
    "cloud",
    "register-ca",
    ...flags({ data: stage.path("cloud"), "ca-dir": stage.path("ca") }),
  ]);
  const isNew = lines.some(({ event, isNew }) => event === "registered" && isNew === true);
  cloud.caId = String(lines.find(({ event }) => event === "registered")?.["certificateId"]);
  stage.say(`the intermediate ${isNew ? "proved possession of its key and is registered" : "was registered already"}`);
  stage.say("it is ACTIVE, and auto-registration is enabled");
}

/** What the cloud says about devices, in the names of the demo. */
function tellOnboarding(stage: Stage, names: Map<string, string>, line: Line): void {
  const { event, step, certificate, clientId, detail } = line;
  if (event !== "onboarding") return;
  const who = names.get(String(certificate)) ?? (String(clientId) || String(certificate).slice(0, 8));
  if (step === "registered") stage.say(`cloud: ${who} is registered by its CA, PENDING_ACTIVATION`);
  else if (step === "connection-dropped") stage.say(`cloud: ${who} is dropped until somebody activates it`);
  else if (step === "activated") stage.say(`cloud: ${who} is ACTIVE, by the function (${String(detail)})`);
  else if (step === "connected") stage.say(`cloud: ${who} is let in`);
}
