"""Runs many commands of an installed AWS CLI in one process, unmodified, and checks every answer against the CLI's own
service model: an unknown member, a wrong type or an error that the operation does not have is a problem."""
import io
import json
import re
import sys
from contextlib import redirect_stderr, redirect_stdout

from awscli import __version__
from awscli.clidriver import create_clidriver

COMMON = {
    "InvalidRequestException", "InvalidParameterValueException", "NotImplementedException", "ValidationError",
}


def check(shape, value, at, problems):
    kind = shape.type_name
    if kind == "structure":
        if not isinstance(value, dict):
            problems.append(f"{at} is no object")
            return
        names = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        for name, each in value.items():
            if name in names:
                check(names[name], each, f"{at}.{name}", problems)
            else:
                problems.append(f"{at} has no member {name}")
    elif kind == "list":
        for i, each in enumerate(value):
            check(shape.member, each, f"{at}[{i}]", problems)
    elif kind == "map":
        for name, each in value.items():
            check(shape.value, each, f"{at}.{name}", problems)
    else:
        expected = {"string": str, "boolean": bool, "blob": str, "timestamp": (int, float)}.get(kind, (int, float))
        if not isinstance(value, expected):
            problems.append(f"{at} is {type(value).__name__}, not {kind}")
        elif kind == "string" and getattr(shape, "enum", []) and value not in shape.enum:
            problems.append(f"{at} is {value}, which the enumeration lacks")


def body_of(model, response, problems):
    shape = model.output_shape
    if model.service_model.metadata["protocol"] != "rest-json" or response.status_code >= 300 or shape is None:
        return
    if shape.serialization.get("payload") is not None or not response.content:
        return
    places = {member.serialization.get("location") for member in shape.members.values()}
    check(shape, json.loads(response.content), model.name, problems) if None in places or not places else None


def main():
    request = json.load(sys.stdin)
    driver = create_clidriver()
    seen, problems, variables = [], [], dict(request["variables"])

    def after_call(http_response=None, parsed=None, model=None, **_):
        seen.append(f"{model.service_model.service_name}:{model.name}")
        body_of(model, http_response, problems)
        code = parsed.get("Error", {}).get("Code")
        known = {shape.metadata.get("error", {}).get("code", shape.name) for shape in model.error_shapes} | COMMON
        known |= {shape.name for shape in model.error_shapes}
        if http_response.status_code >= 300 and code not in known:
            problems.append(f"{model.name} does not know {code}")

    driver.session.register("after-call", after_call)
    failures = []
    for step in request["steps"]:
        if "since" in step and step["since"] not in driver.session.get_service_model(step["args"][0]).operation_names:
            continue
        args = [re.sub(r"\{(\w+)\}", lambda m: variables.get(m[1], m[0]), word) for word in step["args"]]
        out, err = io.StringIO(), io.StringIO()
        out.buffer = io.BytesIO()
        with redirect_stdout(out), redirect_stderr(err):
            status = driver.main([*args, "--endpoint-url", request["endpoint"]])
        text = out.getvalue() + out.buffer.getvalue().decode()
        refused = step.get("refused")
        if refused is None and status != 0 or refused is not None and f"({refused})" not in err.getvalue():
            failures.append({"args": args, "status": status, "out": text, "err": err.getvalue()})
            continue
        for name, path in step.get("save", {}).items():
            value = json.loads(text)
            for part in path.split("."):
                value = value[part]
            variables[name] = value
    names = {service: driver.session.get_service_model(service).operation_names for service in ("iot", "iot-data", "iot-jobs-data")}
    json.dump(
        {"version": __version__, "seen": seen, "problems": problems, "failures": failures, "variables": variables,
         "operations": names}, sys.stdout)


main()
