import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";

import { newApi } from "../fixtures.test.ts";

async function fleet(t: TestContext) {
  const api = await newApi(t);
  for (const [thingName, floor] of Object.entries({ m1: "1", m2: "2", m3: "2", other: "7" })) {
    await api.call("CreateThing", { thingName, attributePayload: { attributes: { floor } } });
  }
  const names = async (queryString: string, more: object = {}) => {
    const { things, nextToken } = await api.call("SearchIndex", { queryString, ...more });
    return { names: things?.map((each) => each.thingName), nextToken };
  };
  return { api, names };
}

test("SearchIndex finds things by page, with groups and connectivity, and says when it cannot", async (t) => {
  const { api, names } = await fleet(t);
  assert.deepEqual(await names("thingName:m*"), { names: ["m1", "m2", "m3"], nextToken: undefined });
  const first = await names("thingName:m*", { maxResults: 2 });
  assert.deepEqual(first.names, ["m1", "m2"]);
  assert.deepEqual(await names("thingName:m*", { maxResults: 2, nextToken: first.nextToken }), {
    names: ["m3"],
    nextToken: undefined,
  });
  await api.call("CreateThingGroup", { thingGroupName: "g" });
  await api.call("AddThingToThingGroup", { thingGroupName: "g", thingName: "m1" });
  api.connected.set("m1", api.clock.now());
  const { things } = await api.call("SearchIndex", {
    queryString: "thingGroupNames:g AND connectivity.connected:true",
  });
  const { thingId } = await api.call("DescribeThing", { thingName: "m1" });
  const timestamp = api.clock.now();
  assert.deepEqual(things, [
    {
      thingName: "m1",
      thingId,
      thingGroupNames: ["g"],
      attributes: { floor: "1" },
      connectivity: { connected: true, timestamp },
    },
  ]);
  assert.deepEqual(await api.call("GetThingConnectivityData", { thingName: "m1" }), {
    thingName: "m1",
    connected: true,
    timestamp: timestamp / 1000,
  });
  assert.deepEqual(await api.call("GetThingConnectivityData", { thingName: "m2" }), {
    thingName: "m2",
    connected: false,
  });
  await assert.rejects(api.call("GetThingConnectivityData", { thingName: "none" }), { wire: 404 });
  const groups = await api.call("SearchIndex", { indexName: "AWS_ThingGroups", queryString: "thingGroupName:g" });
  assert.deepEqual(
    groups.thingGroups?.map((each) => each.thingGroupName),
    ["g"],
  );
  await assert.rejects(names("(("), { wire: 400, type: "InvalidQueryException" });
  await assert.rejects(names("*", { indexName: "none" }), { wire: 404 });
  await assert.rejects(names("*", { nextToken: "!" }), { wire: 400 });
  assert.deepEqual((await api.call("ListIndices", {})).indexNames, ["AWS_Things", "AWS_ThingGroups"]);
  const off = {
    thingIndexingConfiguration: { thingIndexingMode: "OFF" },
    thingGroupIndexingConfiguration: { thingGroupIndexingMode: "OFF" },
  } as const;
  await api.call("UpdateIndexingConfiguration", off);
  await assert.rejects(names("*"), { wire: 400, type: "IndexNotReadyException" });
  await assert.rejects(api.plane.call("SearchIndex", { queryString: "*" }), { code: "index-not-ready" });
  for (const indexName of ["AWS_Things", "AWS_ThingGroups", "x"]) {
    await assert.rejects(api.call("DescribeIndex", { indexName }), { wire: 404 });
  }
  const violations = { thingIndexingMode: "REGISTRY", deviceDefenderIndexingMode: "VIOLATIONS" } as const;
  const defender = { thingIndexingConfiguration: violations };
  await assert.rejects(api.call("UpdateIndexingConfiguration", defender), { wire: 501 });
  await api.call("UpdateIndexingConfiguration", { thingIndexingConfiguration: { thingIndexingMode: "REGISTRY" } });
  assert.equal((await api.call("DescribeIndex", { indexName: "AWS_Things" })).indexStatus, "ACTIVE");
  assert.equal(
    (await api.call("GetIndexingConfiguration", {})).thingGroupIndexingConfiguration?.thingGroupIndexingMode,
    "OFF",
  );
});

test("statistics, cardinality, percentiles and buckets are those of the values that a query finds", async (t) => {
  const { api } = await fleet(t);
  const asked = { queryString: "thingName:*", aggregationField: "attributes.floor" };
  const { statistics } = await api.call("GetStatistics", asked);
  assert.deepEqual(statistics, {
    count: 4,
    average: 3,
    sum: 12,
    minimum: 1,
    maximum: 7,
    sumOfSquares: 58,
    variance: 5.5,
    stdDeviation: Math.sqrt(5.5),
  });
  assert.deepEqual(await api.call("GetCardinality", asked), { cardinality: 3 });
  assert.deepEqual((await api.call("GetPercentiles", { ...asked, percents: [50, 100] })).percentiles, [
    { percent: 50, value: 2 },
    { percent: 100, value: 7 },
  ]);
  const bucketsAggregationType = { termsAggregation: { maxBuckets: 1 } };
  assert.deepEqual(await api.call("GetBucketsAggregation", { ...asked, bucketsAggregationType }), {
    totalCount: 4,
    buckets: [{ keyValue: "2", count: 2 }],
  });
  const names = { queryString: "*", aggregationField: "thingName" };
  await assert.rejects(api.call("GetStatistics", names), { wire: 400, type: "InvalidAggregationException" });
  await assert.rejects(api.plane.call("GetPercentiles", names), { code: "invalid-aggregation" });
  await assert.rejects(api.call("GetCardinality", { ...names, indexName: "none" }), { wire: 404 });
  assert.deepEqual((await api.call("GetStatistics", { queryString: "thingName:none" })).statistics?.count, 0);
});

test("a dynamic group holds what its query finds, at any moment, and is changed by its own operations", async (t) => {
  const { api } = await fleet(t);
  const thingGroupName = "second";
  const queryString = "attributes.floor:2";
  const made = await api.call("CreateDynamicThingGroup", { thingGroupName, queryString });
  assert.deepEqual([made.indexName, made.queryString, made.queryVersion], ["AWS_Things", queryString, "2017-09-30"]);
  const members = async () => (await api.call("ListThingsInThingGroup", { thingGroupName })).things;
  assert.deepEqual(await members(), ["m2", "m3"]);
  await api.call("UpdateThing", { thingName: "m1", attributePayload: { attributes: { floor: "2" } } });
  assert.deepEqual(await members(), ["m1", "m2", "m3"]);
  const { thingGroups } = await api.call("ListThingGroupsForThing", { thingName: "m1" });
  assert.deepEqual(
    thingGroups?.map((each) => each.groupName),
    [thingGroupName],
  );
  const described = await api.call("DescribeThingGroup", { thingGroupName });
  assert.deepEqual([described.status, described.queryString], ["ACTIVE", queryString]);
  await assert.rejects(api.call("AddThingToThingGroup", { thingGroupName, thingName: "other" }), {
    wire: 400,
    message: /is dynamic/,
  });
  await assert.rejects(api.call("CreateThingGroup", { thingGroupName: "x", parentGroupName: thingGroupName }), {
    wire: 400,
  });
  await assert.rejects(api.call("UpdateThingGroup", { thingGroupName, thingGroupProperties: {} }), { wire: 400 });
  await assert.rejects(api.call("DeleteThingGroup", { thingGroupName }), { wire: 400 });
  await assert.rejects(api.call("CreateDynamicThingGroup", { thingGroupName: "y", queryString: "((" }), {
    type: "InvalidQueryException",
  });
  const { policyName } = await api.call("CreatePolicy", {
    policyName: "p",
    policyDocument: '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}',
  });
  await assert.rejects(api.call("AttachPolicy", { policyName, target: made.thingGroupArn ?? "" }), {
    type: "InvalidRequestException",
    message: /second is a dynamic thing group, and no policy can be attached to those/,
  });
  await api.call("UpdateDynamicThingGroup", {
    thingGroupName,
    thingGroupProperties: {},
    queryString: "thingName:other",
  });
  assert.deepEqual(await members(), ["other"]);
  await api.call("DeleteDynamicThingGroup", { thingGroupName, expectedVersion: 2 });
  await assert.rejects(members(), { wire: 404 });
});

test("shadows are found by what they hold once they are indexed, and come with the answer", async (t) => {
  const { api, names } = await fleet(t);
  const utf8 = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const told = {
    state: { desired: { mode: "eco" }, reported: { mode: "max", rooms: ["hall", "attic"], n: { volts: 3 } } },
  };
  await api.call("UpdateThingShadow", { thingName: "m1", payload: utf8(told) });
  const config = { state: { reported: { build: 7 } } };
  await api.call("UpdateThingShadow", { thingName: "m2", shadowName: "config", payload: utf8(config) });
  assert.deepEqual((await names("shadow.reported.mode:max")).names, [], "shadows are not indexed unless asked");
  const asked = {
    thingIndexingMode: "REGISTRY_AND_SHADOW",
    namedShadowIndexingMode: "ON",
    filter: { namedShadowNames: ["config"] },
    customFields: [{ name: "shadow.reported.n.volts", type: "Number" }],
  } as const;
  await api.call("UpdateIndexingConfiguration", { thingIndexingConfiguration: asked });
  const { thingIndexingConfiguration } = await api.call("GetIndexingConfiguration", {});
  const rest = { thingConnectivityIndexingMode: "STATUS", deviceDefenderIndexingMode: "OFF" };
  assert.deepEqual(thingIndexingConfiguration, { ...asked, ...rest });
  assert.equal((await api.call("DescribeIndex", { indexName: "AWS_Things" })).schema, "MULTI_INDEXING_MODE");
  for (const [query, found] of Object.entries({
    "shadow.reported.mode:max": ["m1"],
    "shadow.desired.mode:eco shadow.hasDelta:true": ["m1"],
    "shadow.delta.mode:eco": ["m1"],
    "shadow.reported.rooms:attic": ["m1"],
    "shadow.reported.n.volts>2": ["m1"],
    "shadow.name.config.reported.build:7": ["m2"],
    "shadow.name.config.hasDelta:false": ["m2"],
    "shadow.reported.build:7": [],
  })) {
    assert.deepEqual((await names(query)).names, found, query);
  }
  const { statistics } = await api.call("GetStatistics", {
    queryString: "*",
    aggregationField: "shadow.name.config.reported.build",
  });
  assert.deepEqual([statistics?.count, statistics?.sum], [1, 7]);
  const { things } = await api.call("SearchIndex", { queryString: "thingName:m2" });
  const shown = JSON.parse(things?.[0]?.shadow ?? "null") as { name: { config: object } };
  const timestamp = Math.floor(api.clock.now() / 1000);
  assert.deepEqual(shown, {
    name: {
      config: { ...config.state, metadata: { reported: { build: { timestamp } } }, hasDelta: false, version: 1 },
    },
  });
  const group = { thingGroupName: "max", queryString: "shadow.reported.mode:max" };
  await api.call("CreateDynamicThingGroup", group);
  assert.deepEqual((await api.call("ListThingsInThingGroup", { thingGroupName: "max" })).things, ["m1"]);
  const { thingGroups } = await api.call("ListThingGroupsForThing", { thingName: "m1" });
  assert.equal(thingGroups?.length, 1);
});

test("an index of named shadows without their names is refused with what it needs, and so is what is not built", async (t) => {
  const { api } = await fleet(t);
  const thingIndexingConfiguration = { thingIndexingMode: "REGISTRY", namedShadowIndexingMode: "ON" } as const;
  await assert.rejects(api.call("UpdateIndexingConfiguration", { thingIndexingConfiguration }), {
    wire: 400,
    message: /filter\.namedShadowNames/,
  });
  const filter = { geoLocations: [{ name: "shadow.reported.place" }] };
  const geo = { thingIndexingConfiguration: { thingIndexingMode: "REGISTRY", filter } } as const;
  await assert.rejects(api.call("UpdateIndexingConfiguration", geo), { wire: 501 });
  await api.call("UpdateIndexingConfiguration", {
    thingIndexingConfiguration: { thingIndexingMode: "REGISTRY", thingConnectivityIndexingMode: "OFF" },
    thingGroupIndexingConfiguration: {
      thingGroupIndexingMode: "ON",
      customFields: [{ name: "attributes.n", type: "Number" }],
    },
  });
  const { thingGroupIndexingConfiguration: groups } = await api.call("GetIndexingConfiguration", {});
  assert.deepEqual(groups?.customFields, [{ name: "attributes.n", type: "Number" }]);
  api.connected.set("m1", api.clock.now());
  const found = await api.call("SearchIndex", { queryString: "connectivity.connected:true" });
  assert.deepEqual(found.things, [], "connectivity is not indexed");
  const [thing] = (await api.call("SearchIndex", { queryString: "thingName:m1" })).things ?? [];
  assert.equal(thing?.connectivity, undefined);
  assert.equal((await api.call("DescribeIndex", { indexName: "AWS_Things" })).schema, "REGISTRY");
});
