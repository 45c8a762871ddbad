import { concat, utf8Bytes, Writer } from "../../codec/index.ts";
import type { Se05xHandlers, Se05xInside } from "./handler.ts";
import { uniqueIdIn } from "./inside.ts";

/** NXP as a maker of chips, and the system that its parts run. GPC card production life cycle data */
const FABRICATOR = 0x4790;
const OPERATING_SYSTEM = 0x4700;

/** What the platform answers itself: identity data under the application. SE05x command table, tier a */
export function platformHandlers(
  inside: Se05xInside,
): Pick<Se05xHandlers, "identify" | "collectGarbage" | "productionData"> {
  const { model, store } = inside;
  const serial = () => uniqueIdIn(store);
  return {
    identify() {
      const configuration = new Writer(12).u16(0x0001).u16(model.platformKeys.oefId).bytes(serial().slice(4, 12));
      const fields = [
        field(0x01, configuration.finish()),
        field(0x02, new Uint8Array(8)),
        field(0x03, concat(utf8Bytes(model.platformBuild), new Uint8Array(24 - model.platformBuild.length))),
        field(0x05, Uint8Array.of(NOT_FIPS)),
        field(0x07, Uint8Array.of(PERSONALISED)),
        field(0x08, utf8Bytes("ROM___ID")),
      ];
      const content = new Writer(80).u16(0xdf28).prefixed(1, (body) => body.bytes(concat(...fields)));
      return { data: field(0xfe, content.finish()) };
    },
    // What is deleted here is free at once.
    collectGarbage: () => ({}),
    productionData() {
      const data = new Writer(42).u16(FABRICATOR).u16(0xd321).u16(OPERATING_SYSTEM).bytes(new Uint8Array(6));
      // Serial number and batch; dates and the equipment of later stations are not kept.
      data.bytes(serial().slice(4, 10)).bytes(new Uint8Array(24));
      return {
        data: new Writer(45)
          .u16(0x9f7f)
          .prefixed(1, (body) => body.bytes(data.finish()))
          .finish(),
      };
    },
  };
}

const NOT_FIPS = 0x00;
const PERSONALISED = 0x01;

function field(tag: number, value: Uint8Array): Uint8Array {
  return new Writer(value.length + 2)
    .u8(tag)
    .prefixed(1, (body) => body.bytes(value))
    .finish();
}
