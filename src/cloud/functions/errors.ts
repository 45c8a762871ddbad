import type { ErrorTable } from "../../codec/index.ts";

/** The codes of `cloud/functions`. */
export const FUNCTION_ERRORS = {
  "function-exists": {
    cause: "A function of this name exists already.",
    cure: "Change it with update-function-code and update-function-configuration, or delete it first.",
  },
  "function-not-found": {
    cause: "No function, version or alias has this name, or the ARN names another account or region.",
    cure: "aws lambda list-functions shows the names, list-versions-by-function and list-aliases what is behind them.",
  },
  "alias-exists": {
    cause: "The function has an alias of this name already.",
    cure: "Point it elsewhere with aws lambda update-alias, or delete it first.",
  },
  "alias-not-found": {
    cause: "The function has no alias of this name.",
    cure: "aws lambda list-aliases --function-name NAME shows them; create-alias makes one.",
  },
  "event-config-not-found": {
    cause: "Nothing was set about the events of this function, version or alias.",
    cure: "Set it with aws lambda put-function-event-invoke-config; without that, events are tried three times.",
  },
  "version-in-use": {
    cause: "An alias stands for the version that is to be deleted.",
    cure: "Point the alias at another version with aws lambda update-alias, or delete it first.",
  },
  "code-storage": {
    cause: "The code of all functions and published versions together would take more than 2 GB.",
    cure: "Delete old versions: aws lambda delete-function --function-name NAME --qualifier NUMBER.",
  },
  "function-parameter": {
    cause: "A parameter of a function is missing or outside its bounds.",
    cure: "The message names the parameter, what it must be and what it was.",
  },
  "function-code": {
    cause: "The zip file of a function is damaged, too large, or holds a path or link that leaves its folder.",
    cure: "Zip the files themselves (cd folder && zip -r ../code.zip .), without links, within the limits in the message.",
  },
  "function-revision": {
    cause: "The function changed since the revision that the request expects.",
    cure: "Read the function again and repeat the change with its present RevisionId.",
  },
  "statement-exists": {
    cause: "The function's policy has a statement with this id already.",
    cure: "Choose another statement id, or remove the existing statement first.",
  },
  "statement-not-found": {
    cause: "The function has no resource policy, or no statement with this id.",
    cure: "aws lambda get-policy --function-name NAME shows the statements.",
  },
  "policy-too-long": {
    cause: "The function's resource policy would exceed 20 kB.",
    cure: "Remove statements that are no longer needed, or use one with a wildcard in SourceArn.",
  },
  "request-too-large": {
    cause: "An event is larger than 6 MB, or larger than 1 MB for an asynchronous invocation.",
    cure: "Send a reference to the data instead of the data.",
  },
  "request-content": {
    cause: "The event of an invocation is not JSON.",
    cure: "Send JSON. With the AWS CLI version 2, add --cli-binary-format raw-in-base64-out to a plain-text --payload.",
  },
  "too-many-requests": {
    cause: "As many invocations are running and waiting as the server allows.",
    cure: "Try again later, or raise the limits of the function runtime.",
  },
  "functions-unavailable": {
    cause: "This machine or this Node.js cannot keep a function away from files, network and processes.",
    cure: "Run Node 26 or later; on Linux install bubblewrap. The message lists what a function could still reach.",
  },
  "function-frame": {
    cause: "A function wrote something else than calls to its descriptor; it was killed.",
    cure: "Use hawser.call(operation, input) only; look for code that writes to descriptor 3.",
  },
  "function-operation": {
    cause: "A function called an operation that functions may not call.",
    cure: "The message lists what is allowed; do the rest with the AWS CLI, outside the function.",
  },
  "function-call": {
    cause: "An API call of a function was refused; the refusal's own code is its cause.",
    cure: "The function sees it as an error of that name; hawser logs shows what it did then.",
  },
  "function-refused": {
    cause: "A service asked a function, which may not be asked by it, failed, was too slow, or gave no JSON.",
    cure: "aws lambda add-permission for iot.amazonaws.com; then look at hawser logs for what the function did.",
  },
  "runtime-closed": {
    cause: "An invocation arrived while the server was shutting down.",
    cure: "Invoke again when the server is up.",
  },
} as const satisfies ErrorTable;

export type FunctionErrorCode = keyof typeof FUNCTION_ERRORS;
