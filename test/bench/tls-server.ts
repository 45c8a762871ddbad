/** A node:tls server in a process of its own, so that its work does not count as the client's. Speaks over IPC. */
import { createServer } from "node:tls";

type Settings = { readonly key: string; readonly cert: string; readonly ca: string; readonly bulkBytes: number };

process.once("message", (settings: Settings) => {
  const { key, cert, ca, bulkBytes } = settings;
  const block = Buffer.alloc(256 * 1024, 0x61);
  const options = { key, cert, ca, requestCert: true, minVersion: "TLSv1.2", maxVersion: "TLSv1.2" } as const;
  const server = createServer(options, (socket) => {
    socket.on("error", () => socket.destroy());
    // One byte asks for the bulk; the end of the stream closes.
    socket.on("data", () => {
      let left = bulkBytes;
      const more = (): void => {
        while (left > 0) {
          left -= block.length;
          if (!socket.write(block)) {
            socket.once("drain", more);
            return;
          }
        }
      };
      more();
    });
  });
  server.on("tlsClientError", () => undefined);
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    process.send?.(typeof address === "object" && address ? address.port : 0);
  });
});
process.once("disconnect", () => process.exit());
