import { UsageError } from "../codec/index.ts";
import type { LookUpDoors } from "../cloud/rules/index.ts";
import type { ApiAccess } from "./api-access.ts";
import type { CliErrorCode } from "./errors.ts";

type Answer = Awaited<ReturnType<LookUpDoors["thingShadow"]>>;

/**
 * What functions of a rule's SQL are answered by that ask elsewhere: the cloud, where one is named; functions only where
 * `invoke` says so, since running one may do anything.
 */
export function trialLookUps(api: ApiAccess | undefined, invoke: boolean): LookUpDoors {
  const cloud = (): ApiAccess => {
    if (api) return api;
    throw notAsked("not asked: name the cloud with --data or --credentials");
  };
  return {
    async askFunction(_, functionArn, event) {
      if (!invoke) throw notAsked("not invoked: --invoke does, and it is a real run");
      const Payload = new TextEncoder().encode(JSON.stringify(event ?? null));
      const answer = await cloud().call("Invoke", { FunctionName: functionArn, Payload });
      const text = new TextDecoder().decode(answer.Payload);
      if (answer.FunctionError !== undefined) throw notAsked(`the function failed: ${text.slice(0, 512)}`);
      return JSON.parse(text) as Answer;
    },
    async registryData(operation, thingName) {
      if (operation === "DescribeThing") return asJson(await cloud().call("DescribeThing", { thingName }));
      if (operation === "ListThingGroupsForThing") {
        return asJson(await cloud().call("ListThingGroupsForThing", { thingName }));
      }
      throw notAsked(`get_registry_data asks DescribeThing or ListThingGroupsForThing, not ${operation.slice(0, 64)}`);
    },
    async thingShadow(thingName, shadowName) {
      const named = shadowName === undefined ? {} : { shadowName };
      const { payload } = await cloud().call("GetThingShadow", { thingName, ...named });
      return JSON.parse(new TextDecoder().decode(payload)) as Answer;
    },
  };
}

function asJson(value: unknown): Answer {
  return JSON.parse(JSON.stringify(value)) as Answer;
}

function notAsked(why: string): UsageError<CliErrorCode> {
  return new UsageError("bad-option", why);
}
