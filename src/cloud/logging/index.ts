export { LoggingOptions, type ApiLogLevel, type KeptLogging } from "./logging-options.ts";
