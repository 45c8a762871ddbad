export { LOG_LEVELS, openLog, type LogLevel, type LogOptions, type OpenLog } from "./node-logger.ts";
export { openMetrics, type CloudMetrics, type MetricSources } from "./node-metrics.ts";
