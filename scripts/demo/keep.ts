import { join } from "node:path";

import type { DemoCloud } from "./cloud.ts";
import type { DemoDevices } from "./devices.ts";
import type { Stage } from "./stage.ts";

/** What to type while everything is left running. */
export function showCommands(stage: Stage, cloud: DemoCloud, [generated]: DemoDevices): void {
  stage.isDone = true;
  const at = cloud.mqtt.lastIndexOf(":");
  const [host, port] = [cloud.mqtt.slice(0, at), cloud.mqtt.slice(at + 1)];
  const main = join(import.meta.dirname, "../../src/cli/main.ts");
  const data = stage.path("cloud");
  const secret = `"$(sed -n 's/.*"secretAccessKey": "\\(.*\\)".*/\\1/p' '${cloud.credentials}')"`;
  const blocks = [
    ["in another terminal", `cd '${stage.directory}'`, `alias hawser="'${process.execPath}' '${main}'"`],
    [
      "a device with a key in a file, as in AN12131 7.4: the first attempt registers it, the second is accepted",
      "hawser ca issue --dir ca --new-key try.key --subject CN=try-1 --out try.pem --chain",
      `mosquitto_pub --cafile '${cloud.caFile}' --cert try.pem --key try.key -h ${host} -p ${port} -q 1 \\`,
      "  -t telemetry/try-1 -i try-1 --tls-version tlsv1.2 -m Hello -d",
    ],
    [
      "the control plane, in the words of AWS IoT",
      `export AWS_ACCESS_KEY_ID=${cloud.accessKeyId} AWS_SECRET_ACCESS_KEY=${secret} AWS_DEFAULT_REGION=${cloud.region}`,
      `aws --endpoint-url ${cloud.api} iot get-registration-code`,
      `aws --endpoint-url ${cloud.api} iot describe-ca-certificate --certificate-id ${cloud.caId}`,
    ],
    [
      "and ours",
      `hawser why try-1 --data '${data}'`,
      `hawser ledger --data '${data}' --kinds onboarding,refusal`,
      `hawser chip info --chip ${generated.address}`,
      `hawser device publish --chip ${generated.address} --cloud ${cloud.mqtt} --cafile '${cloud.caFile}' \\`,
      `  --topic 'telemetry/{clientId}' --message '{"reading":{n}}' --count 3`,
    ],
  ];
  const text = blocks.map(([title, ...commands]) => `# ${title}\n${commands.map((line) => `${line}\n`).join("")}`);
  stage.print(`\neverything goes on running until Ctrl-C; try\n\n${text.join("\n")}`);
}
