import { realpathSync } from "node:fs";

import { replaceFile } from "../codec/node.ts";
import type { KeepPin } from "./pin-check.ts";

/** Keeps a PIN that a program sets in the file that the old one was read from (mode 0600), replaced whole. */
export function keepPinIn(file: string): KeepPin {
  return (pin) => {
    // What the file's name leads to, where it is a link: that stays one.
    replaceFile(realpathSync(file), `${pin}\n`, 0o600);
  };
}
