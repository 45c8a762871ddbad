import type {
  FunctionService,
  Handlers,
  LAMBDA_OPERATIONS,
  LAMBDA_SETTING_OPERATIONS,
  LAMBDA_VERSION_OPERATIONS,
} from "../operations/index.ts";

type Name =
  | keyof typeof LAMBDA_OPERATIONS
  | keyof typeof LAMBDA_VERSION_OPERATIONS
  | keyof typeof LAMBDA_SETTING_OPERATIONS
  | "FunctionLogs";

/** The handlers of Lambda's operations; what the functions room does not offer has none. */
export function functionHandlers(functions: FunctionService): Pick<Handlers, Name> {
  const { versions, settings } = functions;
  return {
    CreateFunction: (input) => functions.createFunction(input),
    GetFunction: functions.getFunction?.bind(functions),
    GetFunctionConfiguration: functions.getFunctionConfiguration?.bind(functions),
    UpdateFunctionCode: functions.updateFunctionCode?.bind(functions),
    UpdateFunctionConfiguration: functions.updateFunctionConfiguration?.bind(functions),
    DeleteFunction: functions.deleteFunction?.bind(functions),
    ListFunctions: functions.listFunctions?.bind(functions),
    AddPermission: (input) => functions.addPermission(input),
    RemovePermission: functions.removePermission?.bind(functions),
    GetFunctionPolicy: functions.getFunctionPolicy?.bind(functions),
    FunctionLogs: functions.functionLogs?.bind(functions),
    Invoke: (input) => functions.invoke(input),
    PublishVersion: versions?.publishVersion.bind(versions),
    ListVersionsByFunction: versions?.listVersionsByFunction.bind(versions),
    CreateAlias: versions?.createAlias.bind(versions),
    UpdateAlias: versions?.updateAlias.bind(versions),
    GetAlias: versions?.getAlias.bind(versions),
    ListAliases: versions?.listAliases.bind(versions),
    DeleteAlias: versions?.deleteAlias.bind(versions),
    PutFunctionEventInvokeConfig: settings?.putEventInvokeConfig.bind(settings),
    UpdateFunctionEventInvokeConfig: settings?.updateEventInvokeConfig.bind(settings),
    GetFunctionEventInvokeConfig: settings?.getEventInvokeConfig.bind(settings),
    DeleteFunctionEventInvokeConfig: settings?.deleteEventInvokeConfig.bind(settings),
    ListFunctionEventInvokeConfigs: settings?.listEventInvokeConfigs.bind(settings),
    ListFunctionTags: settings?.listTags.bind(settings),
    TagFunction: settings?.tag.bind(settings),
    UntagFunction: settings?.untag.bind(settings),
    GetAccountSettings: settings && (() => settings.accountSettings()),
  };
}
