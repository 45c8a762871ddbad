export { type Exchange12, negotiate, type Negotiated } from "./negotiation.ts";
export { ServerConnection } from "./server-connection.ts";
export {
  type ClientCertificates,
  SERVER_SUITES,
  serverConfig,
  type ServerConfig,
  type ServerConfigOptions,
  type ServerSuite,
} from "./server-config.ts";
export { type ServerSession, type ServerSessions, SessionCache } from "./session-cache.ts";
