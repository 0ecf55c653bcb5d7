// rbac.mjs - the policy and the questions of bench_rbac, asked of casbin and of Cedar.
//
//   node rbac.mjs casbin|cedar POLICY.json     prints {"decisions_a_second", "asked", "build_ms"}
//
// Every answer must be Moonfleet's; one that differs ends the bench.  Azure's rules are expressed in
// each peer's own means, as its documentation recommends for speed:
//
// casbin  One policy line an assignment, groups as `g`.  The synchronous enforcer, whose `g` keeps
//         what it found; the cheapest test first in the matcher; scopes and actions by functions
//         with everything precomputed that depends on the policy alone.
// Cedar   A template a role, linked once an assignment; groups and scopes as entities, so that both
//         are plain `in`; wildcards as `like`.  The policy set is parsed once (preparsePolicySet),
//         and a request carries only its own principal, its groups and its scopes.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.cwd(), "package.json"));
const [, , peer, file] = process.argv;
const ROUND_MS = 4000;
const ASKED_AT_LEAST = 50;

const policy = JSON.parse(readFileSync(file, "utf8").toLowerCase());
for (const name of ["members", "parents", "assignments", "questions"]) policy[name].pop(); // the "[]" that ends each
const parentOf = new Map(policy.parents);

// A scope and all above it, the nearest first, as plain texts.
function above(scope) {
  const out = [];
  for (let at = scope; at; at = at.slice(0, at.lastIndexOf("/"))) {
    out.push(at);
    for (let up = parentOf.get(at); up; up = parentOf.get(up)) out.push(up);
  }
  out.push("/");
  return out;
}

// `/*/` also matches no segment: the pattern and its shorter forms.
function forms(pattern) {
  const all = [pattern];
  for (const one of all) {
    for (let at = one.indexOf("/*/"); at >= 0; at = one.indexOf("/*/", at + 1)) {
      const shorter = one.slice(0, at) + one.slice(at + 2);
      if (!all.includes(shorter)) all.push(shorter);
    }
  }
  return all;
}

async function makeCasbin() {
  const { newEnforcer, newModelFromString } = require("casbin");
  const model = newModelFromString(`
[request_definition]
r = sub, obj, act
[policy_definition]
p = sub, role, scope
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = covers(r.obj, p.scope) && gives(p.role, r.act) && g(r.sub, p.sub)`);
  const enforcer = await newEnforcer(model);
  const expression = (pattern) =>
    new RegExp("^(?:" + forms(pattern).map((form) => form.split("*").map((s) => s.replace(/[.+?^${}()|[\]\\]/g, "\\$&")).join(".*")).join("|") + ")$");
  const roles = new Map(policy.roles.map((role) => [role.id, { gives: role.actions.map(expression), less: role.notactions.map(expression), known: new Map() }]));
  const scopes = new Map();
  enforcer.addFunction("covers", (asked, given) => {
    let set = scopes.get(asked);
    if (!set) scopes.set(asked, (set = new Set(above(asked))));
    return set.has(given);
  });
  enforcer.addFunction("gives", (id, action) => {
    const role = roles.get(id);
    let known = role.known.get(action);
    if (known === undefined) {
      known = role.gives.some((e) => e.test(action)) && !role.less.some((e) => e.test(action));
      role.known.set(action, known);
    }
    return known;
  });
  await enforcer.addGroupingPolicies([...new Set(policy.members.map(([group, member]) => `${member} ${group}`))].map((line) => line.split(" ")));
  await enforcer.addPolicies([...new Set(policy.assignments.map((line) => line.join(" ")))].map((line) => line.split(" ")));
  return ([principal, action, scope]) => enforcer.enforceSync(principal, scope, action);
}

async function makeCedar() {
  const cedar = require("@cedar-policy/cedar-wasm/nodejs");
  const like = (patterns) => patterns.flatMap(forms).map((form) => `context.action like "${form}"`).join(" || ") || "false";
  const templates = Object.fromEntries(
    policy.roles.map((role) => [
      role.id,
      `permit(principal in ?principal, action, resource in ?resource) when { ${like(role.actions)} } unless { ${like(role.notactions)} };`,
    ]),
  );
  const templateLinks = policy.assignments.map(([principal, role, scope], i) => ({
    templateId: role,
    newId: `a${i}`,
    values: { "?principal": { type: "Principal", id: principal }, "?resource": { type: "Scope", id: scope } },
  }));
  const parsed = cedar.preparsePolicySet("bench", { staticPolicies: {}, templates, templateLinks });
  if (parsed.type !== "success") throw new Error(JSON.stringify(parsed.errors));
  const groups = new Map();
  for (const [group, member] of policy.members) groups.set(member, [...(groups.get(member) ?? []), group]);
  const principalEntities = (principal) => {
    const ids = [principal];
    for (const id of ids) for (const group of groups.get(id) ?? []) if (!ids.includes(group)) ids.push(group);
    return ids.map((id) => ({ uid: { type: "Principal", id }, attrs: {}, parents: (groups.get(id) ?? []).map((group) => ({ type: "Principal", id: group })) }));
  };
  // An entity hierarchy is closed over its parents: that all scopes above are given as parents of
  // the question's own spares the engine the walk.
  const scopeEntities = (scope) => {
    const [own, ...rest] = above(scope);
    return [
      { uid: { type: "Scope", id: own }, attrs: {}, parents: rest.map((id) => ({ type: "Scope", id })) },
      ...rest.map((id) => ({ uid: { type: "Scope", id }, attrs: {}, parents: [] })),
    ];
  };
  return ([principal, action, scope]) => {
    const answer = cedar.statefulIsAuthorized({
      principal: { type: "Principal", id: principal },
      action: { type: "Action", id: "ask" },
      resource: { type: "Scope", id: scope },
      context: { action },
      preparsedPolicySetId: "bench",
      entities: [...principalEntities(principal), ...scopeEntities(scope)],
    });
    if (answer.type !== "success") throw new Error(JSON.stringify(answer.errors));
    return answer.response.decision === "allow";
  };
}

const cpu = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
const begun = cpu();
const ask = await { casbin: makeCasbin, cedar: makeCedar }[peer]();
const built = cpu() - begun;
for (let i = 0; i < 10; i++) ask(policy.questions[i]); // warm
let asked = 0;
const start = cpu();
while (cpu() - start < ROUND_MS || asked < ASKED_AT_LEAST) {
  const question = policy.questions[asked % policy.questions.length];
  const answer = ask(question);
  if (answer !== question[3]) {
    console.error(`rbac.mjs: ${peer} says ${answer}, Moonfleet ${question[3]}: ${question.slice(0, 3).join(" ")}`);
    process.exit(1);
  }
  asked++;
}
const spent = cpu() - start;
console.log(JSON.stringify({ decisions_a_second: +((asked * 1000) / spent).toFixed(1), asked, build_ms: +built.toFixed(1) }));
