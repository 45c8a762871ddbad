export { type Exchange12, negotiate, type Negotiated } from "./negotiation.ts";
export { ServerConnection } from "./server-connection.ts";
export { type ClientCertificates, serverConfig, type ServerConfig, type ServerConfigOptions } from "./server-config.ts";
export { SERVER_SUITES, type ServerSuite } from "./server-suites.ts";
export { type ServerSession, type ServerSessions, SessionCache } from "./session-cache.ts";
