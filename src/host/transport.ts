/** A way to a chip: command bytes out, answer bytes back, one command at a time. */
export interface Transport {
  /** Rejects where the way is broken; then it stays broken. */
  exchange(command: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** A chip in the same process, whatever object plays it. */
export type LocalChip = {
  reset(): Uint8Array;
  exchange(command: Uint8Array): Uint8Array | Promise<Uint8Array>;
};

/** A transport to a chip in the same process; connecting resets the chip, as it does over TCP. */
export function localTransport(chip: LocalChip): Transport {
  chip.reset();
  return {
    exchange: async (command) => chip.exchange(command),
    close: async () => undefined,
  };
}
