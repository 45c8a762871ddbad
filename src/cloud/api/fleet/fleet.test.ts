import assert from "node:assert/strict";
import { test } from "node:test";

import { POLICY } from "../../registry/fixtures.test.ts";
import { newApi } from "../fixtures.test.ts";

test("thing types: made, given to things, deprecated, and deleted after five minutes only", async (t) => {
  const api = await newApi(t);
  const thingTypeName = "meter";
  const thingTypeProperties = { thingTypeDescription: "Meters", searchableAttributes: ["site"] };
  const made = await api.call("CreateThingType", { thingTypeName, thingTypeProperties });
  assert.deepEqual(await api.call("CreateThingType", { thingTypeName, thingTypeProperties }), made);
  await assert.rejects(api.call("CreateThingType", { thingTypeName }), { type: "ResourceAlreadyExistsException" });
  await api.call("CreateThing", { thingName: "m1", thingTypeName, attributePayload: { attributes: { site: "A" } } });
  await api.call("CreateThing", { thingName: "m2", attributePayload: { attributes: { site: "AB" } } });
  await assert.rejects(api.call("CreateThing", { thingName: "m3", thingTypeName: "none" }), { wire: 404 });
  const names = async (input: object) => (await api.call("ListThings", input)).things.map((each) => each.thingName);
  assert.deepEqual(await names({ thingTypeName }), ["m1"]);
  assert.deepEqual(await names({ attributeName: "site", attributeValue: "A" }), ["m1"]);
  const prefix = { attributeName: "site", attributeValue: "A", usePrefixAttributeValue: true };
  assert.deepEqual(await names(prefix), ["m1", "m2"]);
  const first = await api.call("ListThings", { ...prefix, maxResults: 1 });
  assert.deepEqual(await names({ ...prefix, nextToken: first.nextToken ?? "" }), ["m2"]);
  await assert.rejects(api.call("DeleteThingType", { thingTypeName }), {
    wire: 400,
    message: /deprecated for 5 minutes/,
  });
  await api.call("DeprecateThingType", { thingTypeName });
  await assert.rejects(api.call("UpdateThing", { thingName: "m2", thingTypeName }), { message: /deprecated/ });
  await api.call("DeprecateThingType", { thingTypeName, undoDeprecate: true });
  await api.call("UpdateThing", { thingName: "m2", thingTypeName });
  await api.call("UpdateThing", { thingName: "m1", removeThingType: true });
  assert.deepEqual(await names({ thingTypeName }), ["m2"]);
  await api.call("DeprecateThingType", { thingTypeName });
  const described = await api.call("DescribeThingType", { thingTypeName });
  assert.deepEqual(
    [described.thingTypeId, described.thingTypeMetadata?.deprecated, described.thingTypeProperties],
    [made.thingTypeId, true, thingTypeProperties],
  );
  api.clock.advance(5 * 60_000);
  await api.call("DeleteThingType", { thingTypeName });
  await assert.rejects(api.call("DescribeThingType", { thingTypeName }), { wire: 404 });
});

test("UpdateThingType keeps what things were searched by, and too many searchable attributes are refused", async (t) => {
  const api = await newApi(t);
  const searchableAttributes = ["a", "b", "c", "d"];
  await assert.rejects(
    api.call("CreateThingType", { thingTypeName: "x", thingTypeProperties: { searchableAttributes } }),
    { wire: 400 },
  );
  await api.call("CreateThingType", { thingTypeName: "x" });
  const thingTypeProperties = { thingTypeDescription: "other" };
  await assert.rejects(api.call("UpdateThingType", { thingTypeName: "x", thingTypeProperties }), { wire: 400 });
  const mqtt5Configuration = { propagatingAttributes: [{ userPropertyKey: "k", thingAttribute: "a" }] };
  await api.call("UpdateThingType", { thingTypeName: "x", thingTypeProperties: { mqtt5Configuration } });
  const { thingTypes } = await api.call("ListThingTypes", {});
  assert.deepEqual(thingTypes?.[0]?.thingTypeProperties, { mqtt5Configuration });
});

test("thing groups: a tree with members, listed below, beside and by name, and deleted from its leaves", async (t) => {
  const api = await newApi(t);
  const tree = [["root"], ["left", "root"], ["right", "root"], ["deep", "left"], ["alone"]];
  for (const [thingGroupName = "", parentGroupName] of tree) {
    api.clock.advance(1);
    await api.call("CreateThingGroup", { thingGroupName, ...(parentGroupName !== undefined && { parentGroupName }) });
  }
  const names = async (input: object) =>
    (await api.call("ListThingGroups", input)).thingGroups?.map((each) => each.groupName);
  assert.deepEqual(await names({}), ["root", "left", "right", "deep", "alone"]);
  assert.deepEqual(await names({ recursive: false }), ["root", "alone"]);
  assert.deepEqual(await names({ parentGroup: "root" }), ["left", "right", "deep"]);
  assert.deepEqual(await names({ parentGroup: "root", recursive: false, namePrefixFilter: "r" }), ["right"]);
  await assert.rejects(names({ parentGroup: "none" }), { wire: 404 });
  await assert.rejects(api.call("CreateThingGroup", { thingGroupName: "x", parentGroupName: "none" }), { wire: 400 });
  const deep = await api.call("DescribeThingGroup", { thingGroupName: "deep" });
  assert.deepEqual(
    deep.thingGroupMetadata?.rootToParentThingGroups?.map((each) => each.groupName),
    ["root", "left"],
  );
  for (const thingName of ["a", "b"]) await api.call("CreateThing", { thingName });
  await api.call("AddThingToThingGroup", { thingGroupName: "deep", thingName: "a" });
  await api.call("AddThingToThingGroup", { thingGroupName: "deep", thingName: "a" });
  await api.call("AddThingToThingGroup", { thingGroupName: "right", thingName: "b" });
  await assert.rejects(api.call("AddThingToThingGroup", { thingGroupName: "right", thingName: "a" }), {
    wire: 400,
    message: /thing a is in deep, of one hierarchy with right$/,
  });
  assert.deepEqual((await api.call("ListThingsInThingGroup", { thingGroupName: "left" })).things, []);
  const below = await api.call("ListThingsInThingGroup", { thingGroupName: "root", recursive: true });
  assert.deepEqual(below.things, ["a", "b"]);
  const moved = { thingName: "a", thingGroupsToAdd: ["right", "alone"], thingGroupsToRemove: ["deep"] };
  await api.call("UpdateThingGroupsForThing", moved);
  const { thingGroups } = await api.call("ListThingGroupsForThing", { thingName: "a" });
  assert.deepEqual(
    thingGroups?.map((each) => each.groupName),
    ["alone", "right"],
  );
  await assert.rejects(api.call("DeleteThingGroup", { thingGroupName: "left" }), { message: /still child groups/ });
  await api.call("DeleteThing", { thingName: "a" });
  assert.deepEqual((await api.call("ListThingsInThingGroup", { thingGroupName: "right" })).things, ["b"]);
  for (const thingGroupName of ["deep", "left", "right", "root", "root"]) {
    await api.call("DeleteThingGroup", { thingGroupName });
  }
  assert.deepEqual(await names({}), ["alone"]);
});

test("a thing group's properties merge or replace, and its version guards them", async (t) => {
  const api = await newApi(t);
  const attributes = { a: "1", b: "2" };
  const thingGroupProperties = { thingGroupDescription: "d", attributePayload: { attributes } };
  const made = await api.call("CreateThingGroup", { thingGroupName: "g", thingGroupProperties });
  assert.deepEqual(await api.call("CreateThingGroup", { thingGroupName: "g", thingGroupProperties }), made);
  await assert.rejects(api.call("CreateThingGroup", { thingGroupName: "g" }), {
    type: "ResourceAlreadyExistsException",
    message: /Thing Group g already exists in current account with different properties$/,
  });
  const update = async (payload: object, more: object = {}) => {
    await api.call("UpdateThingGroup", {
      thingGroupName: "g",
      thingGroupProperties: { attributePayload: payload },
      ...more,
    });
    return (await api.call("DescribeThingGroup", { thingGroupName: "g" })).thingGroupProperties;
  };
  assert.deepEqual(await update({ attributes: { a: "", c: "3" }, merge: true }), {
    thingGroupDescription: "d",
    attributePayload: { attributes: { b: "2", c: "3" } },
  });
  assert.deepEqual((await update({ attributes: { z: "9" } }))?.attributePayload, { attributes: { z: "9" } });
  await assert.rejects(update({}, { expectedVersion: 1 }), { wire: 409, type: "VersionConflictException" });
  await assert.rejects(api.call("DeleteThingGroup", { thingGroupName: "g", expectedVersion: 1 }), { wire: 409 });
});

test("billing groups: a thing is in one at most, and what is in use is not deleted", async (t) => {
  const api = await newApi(t);
  for (const billingGroupName of ["north", "south"]) await api.call("CreateBillingGroup", { billingGroupName });
  await assert.rejects(api.call("CreateBillingGroup", { billingGroupName: "north" }), { wire: 409 });
  await api.call("CreateThing", { thingName: "m", billingGroupName: "north" });
  const { thingArn } = await api.call("DescribeThing", { thingName: "m" });
  await api.call("AddThingToBillingGroup", { billingGroupName: "south", thingArn });
  assert.equal((await api.call("DescribeThing", { thingName: "m" })).billingGroupName, "south");
  assert.deepEqual(await api.call("ListThingsInBillingGroup", { billingGroupName: "north" }), { things: [] });
  assert.deepEqual(await api.call("ListThingsInBillingGroup", { billingGroupName: "south" }), { things: ["m"] });
  await assert.rejects(api.call("DeleteBillingGroup", { billingGroupName: "south" }), { wire: 400 });
  await assert.rejects(api.call("AddThingToBillingGroup", { thingName: "m" }), { message: /billingGroupName or/ });
  const wrong = { billingGroupName: "south", thingName: "other", thingArn };
  await assert.rejects(api.call("AddThingToBillingGroup", wrong), { wire: 400 });
  await api.call("RemoveThingFromBillingGroup", { billingGroupName: "south", thingName: "m" });
  const billingGroupProperties = { billingGroupDescription: "s" };
  const updated = await api.call("UpdateBillingGroup", { billingGroupName: "south", billingGroupProperties });
  assert.deepEqual(updated, { version: 2 });
  await assert.rejects(api.call("DeleteBillingGroup", { billingGroupName: "south", expectedVersion: 1 }), {
    wire: 409,
  });
  await api.call("DeleteBillingGroup", { billingGroupName: "south", expectedVersion: 2 });
  const { billingGroups } = await api.call("ListBillingGroups", {});
  assert.deepEqual(
    billingGroups?.map((each) => each.groupName),
    ["north"],
  );
});

test("tags are set, listed, removed, and gone with their resource; fifty are the most", async (t) => {
  const api = await newApi(t);
  const tags = [{ Key: "team", Value: "a" }, { Key: "bare" }];
  const { thingGroupArn: resourceArn = "" } = await api.call("CreateThingGroup", { thingGroupName: "g", tags });
  const listed = async () => (await api.call("ListTagsForResource", { resourceArn })).tags;
  assert.deepEqual(await listed(), [
    { Key: "bare", Value: "" },
    { Key: "team", Value: "a" },
  ]);
  await api.call("TagResource", { resourceArn, tags: [{ Key: "team", Value: "b" }] });
  await api.call("UntagResource", { resourceArn, tagKeys: ["bare", "unknown"] });
  assert.deepEqual(await listed(), [{ Key: "team", Value: "b" }]);
  const many = Array.from({ length: 50 }, (_, i) => ({ Key: `k${i}`, Value: "" }));
  await assert.rejects(api.call("TagResource", { resourceArn, tags: many }), { wire: 410 });
  await assert.rejects(api.call("TagResource", { resourceArn, tags: [{ Key: "aws:x" }] }), { wire: 400 });
  assert.deepEqual(await listed(), [{ Key: "team", Value: "b" }]);
  await api.call("DeleteThingGroup", { thingGroupName: "g" });
  await assert.rejects(listed(), { wire: 404 });
  await assert.rejects(api.call("ListTagsForResource", { resourceArn: "arn:aws:s3:::x" }), { wire: 400 });
  await api.call("CreateThingGroup", { thingGroupName: "g" });
  assert.deepEqual(await listed(), []);
});

test("policies attached to a group are listed with those above it, and a restart keeps who inherits them", async (t) => {
  const api = await newApi(t);
  const { certificateId, certificateArn } = await api.call("CreateKeysAndCertificate", { setAsActive: true });
  const root = await api.call("CreateThingGroup", { thingGroupName: "root" });
  const leaf = await api.call("CreateThingGroup", { thingGroupName: "leaf", parentGroupName: "root" });
  await api.call("CreateThing", { thingName: "d" });
  await api.call("AttachThingPrincipal", { thingName: "d", principal: certificateArn });
  await api.call("AddThingToThingGroup", { thingGroupName: "leaf", thingName: "d" });
  for (const [policyName, target] of [
    ["R", root.thingGroupArn],
    ["L", leaf.thingGroupArn],
    ["C", certificateArn],
  ]) {
    await api.call("CreatePolicy", { policyName: policyName ?? "", policyDocument: POLICY });
    await api.call("AttachPolicy", { policyName: policyName ?? "", target: target ?? "" });
  }
  const target = leaf.thingGroupArn ?? "";
  const names = async (recursive: boolean) =>
    (await api.call("ListAttachedPolicies", { target, recursive })).policies.map((each) => each.policyName);
  assert.deepEqual([await names(false), (await names(true)).toSorted()], [["L"], ["L", "R"]]);
  assert.deepEqual(await api.call("ListTargetsForPolicy", { policyName: "L" }), { targets: [target] });
  const { directory } = api.registry;
  const inherited = () => directory.policiesOf(certificateId).map(({ name }) => name);
  assert.deepEqual(inherited(), ["C", "L", "R"]);
  await api.call("RemoveThingFromThingGroup", { thingGroupName: "leaf", thingName: "d" });
  assert.deepEqual(inherited(), ["C"]);
  await api.call("AddThingToThingGroup", { thingGroupName: "root", thingName: "d" });
  assert.deepEqual(inherited(), ["C", "R"]);
  await api.call("DetachPolicy", { policyName: "R", target: root.thingGroupArn ?? "" });
  assert.deepEqual(inherited(), ["C"]);
});
