import type { Handlers, RECORDING_OPERATIONS, RecordingService } from "../operations/index.ts";

/** The operations that record live traffic, where there is a broker to record. */
export function recordingHandlers(
  recordings: RecordingService | undefined,
): Pick<Handlers, keyof typeof RECORDING_OPERATIONS> {
  return {
    StartRecording: recordings && (async ({ topicFilters }) => recordings.start(topicFilters)),
    FetchRecording: recordings && (async ({ recordingId, after }) => recordings.fetch(recordingId, after)),
    StopRecording: recordings && (async ({ recordingId }) => recordings.stop(recordingId)),
  };
}
