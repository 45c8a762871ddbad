export { processDetails } from "./changes.ts";
export { DeviceJobs, type Progress, type Turn } from "./device-jobs.ts";
export { JobTopics, stateOf, type JobTopicsPorts } from "./job-topics.ts";
export { Jobs, type JobsPorts, type NewJob } from "./jobs.ts";
export type { Execution, Job, JobOrder, JobStatus } from "./records.ts";
export { checkWindows, comingWindows, type MaintenanceWindow } from "./schedule.ts";
export { EXECUTION_STATUSES, type Counts, type ExecutionStatus } from "./rules.ts";
