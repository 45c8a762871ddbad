/**
 * The least that a server on Node's sockets does: whatever comes is answered with the same bytes, which come over IPC
 * first. What a chip costs beyond this is its own; forked by se05x.bench.ts.
 */
import { createServer, type AddressInfo } from "node:net";

process.once("message", (hex: string) => {
  const answer = Buffer.from(hex, "hex");
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on("error", () => undefined);
    socket.on("data", () => socket.write(answer));
  });
  server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
});
process.once("disconnect", () => process.exit());
