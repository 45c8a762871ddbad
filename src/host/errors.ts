import type { ErrorTable } from "../codec/index.ts";

/** The codes of `host`. */
export const HOST_ERRORS = {
  "status-word": {
    cause: "The chip refused a command; the message names the command, the status word and what it means.",
    cure: "Do what the message says; `wire` holds the status word.",
  },
  "malformed-answer": {
    cause: "The chip's answer does not have the form that its data sheet gives.",
    cure: "Check that the chip at this address is the model you think, and that nobody else writes to its connection.",
  },
  "unknown-chip": {
    cause: "What answers at this address is not a chip that this device class knows.",
    cure: "Check the address and the chip's model.",
  },
  "bad-address": {
    cause: "The chip's address is not of the form HOST:PORT, jrcp2:HOST:PORT, i2c:BUS, or i2c-gp:BUS.",
    cure: "Give the address as HOST:PORT, for example 127.0.0.1:8050; or, for a part on /dev/i2c-1, as i2c:1.",
  },
  "connection-refused": {
    cause: "No connection to the chip's address could be made.",
    cure: "Start the chip (hawser chip serve --model a71ch --port 8050), or correct the address.",
  },
  "connection-lost": {
    cause: "The connection to the chip ended in the middle of a command.",
    cure: "Connect again. Whether the last command was carried out is not known: look at the chip's state first.",
  },
  timeout: {
    cause: "The chip did not answer in time.",
    cure: "Check that the chip's server is running and not stopped in a debugger, or give a longer timeout.",
  },
  "bus-silent": {
    cause: "Nothing that could be understood came from the chip over I2C, not even after both ends were set back.",
    cure: "Check wiring, pull-ups, power and the chip's address (i2cdetect -y BUS), and that nobody else uses the bus.",
  },
  "answer-lost": {
    cause: "A command went out whole over I2C, and its answer never came: whether it was carried out is not known.",
    cure: "Look at the chip's state before you repeat the command. The connection goes on; if it repeats, look at the wiring.",
  },
  "block-protocol": {
    cause: "The chip broke off a command, or asks for time without end.",
    cure: "Reset or power-cycle the chip; if it repeats with the same command, the chip's software is at fault.",
  },
  "i2c-absent": {
    cause: "Chips on an I2C bus need the package i2c-bus, which is installed on demand only.",
    cure: "On the device: npm install i2c-bus, and let your user read and write /dev/i2c-N (group i2c).",
  },
  "malformed-frame": {
    cause: "What came from the chip's server is not an answer of the JRCP version that was spoken.",
    cure: "Check the port, 8050 for most servers; HOST:PORT speaks JRCP v1, jrcp2:HOST:PORT speaks v2.",
  },
  busy: {
    cause: "A command was sent over a transport while another one was under way.",
    cure: "Let one device object own the transport; it queues its callers.",
  },
  closed: {
    cause: "The connection to the chip was closed before this command.",
    cure: "Connect again and open the device on the new connection.",
  },
  "bad-argument": {
    cause: "An argument has a form that the chip cannot take.",
    cure: "The message names the argument and its bounds.",
  },
  "secure-channel": {
    cause: "The secure channel could not be opened, or its two ends are no longer in step.",
    cure: "Open the channel again; if that fails too, the keys given are not those in the chip.",
  },
  "session-proof": {
    cause:
      "The chip did not take the proof that was to open a session: a wrong password or key, or no attempts are left.",
    cure: "Give the proof that belongs to the session's object. Each wrong one counts where the object limits its attempts.",
  },
  "storage-full": {
    cause: "The chip's general purpose storage has no room for another object.",
    cure: "Erase a certificate or data object that is not needed; frozen segments do not come back.",
  },
  "object-exists": {
    cause: "The chip's storage holds an object of this kind under this index already.",
    cure: "Choose another index, erase the object first, or update it in place.",
  },
  "object-missing": {
    cause: "The chip's storage holds no object of this kind under this index.",
    cure: "List the objects (a71chConfig info objects), and check the index.",
  },
  "ephemeral-key-replaced": {
    cause: "The slot of an ephemeral key was given another key before the agreement took place.",
    cure: "Let one handshake at a time use a slot, or give concurrent handshakes a slot each.",
  },
  "lease-expired": {
    cause:
      "A handshake had the chip to itself, as its commands must not be interrupted, and took longer than that may last: the server stalls, or is slow.",
    cure: "Connect again; if it repeats, look at the server, or allow a longer lease. The chip is free for others meanwhile.",
  },
  "not-in-chip": {
    cause: "This chip cannot perform this operation of a TLS handshake; the message says what it lacks.",
    cure: "Leave that operation to the host, or use a suite whose secrets this chip can make.",
  },
} as const satisfies ErrorTable;

export type HostErrorCode = keyof typeof HOST_ERRORS;
