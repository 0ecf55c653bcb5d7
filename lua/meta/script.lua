---@meta
--- script.lua - what scripts of `moonfleet run` have beside Lua, for editors (LuaLS).  Never run.
--- Recipes have none of it: they only describe.

--- The script's arguments; `arg[0]` is its name.
---@type string[]
arg = {}

---@class script.failure  what the plane, or the way to it, refused; prints as its message
---@field code string     ARM's ("AuthorizationFailed"), or ours ("NotFound")
---@field message string
---@field status? integer of HTTP
---@field target? string
---@field details? string  JSON

---@class script.question_options
---@field data? boolean  the action is a data action

---@class script.why
---@field answer "allowed"|"denied"|"conditional"|"unknown"
---@field who { id: string, name: string }
---@field action string    whole
---@field scope string     whole
---@field because string[]  sentences, in the order to be followed
---@field notes string[]
---@field assignment? table  the role assignment that decided
---@field pattern? string    of the role, that covers the action
---@field suggestedRole? string
---@field command? string    that gives it

---@class script.role
---@field name string
---@field id string
---@field custom boolean
---@field description? string
---@field permissions? table[]
---@field assignableScopes? string[]

---@class script.role_filter
---@field custom? boolean  only custom ones

---@class script.assignment
---@field who? string   a name, where the directory tells it
---@field whoId string
---@field role string
---@field roleId string
---@field scope string
---@field inherited boolean
---@field condition boolean
---@field fleet? string  that owns it
---@field id string

---@class script.assignment_filter
---@field scope? string  the workspace when left out
---@field who? string    only theirs, those of their groups included

--- Who may do what, as `moonfleet can`, `why`, `roles` and `grants` answer it.  What the plane refuses
--- is nil and a failure; words that mean nothing raise.
rbac = {}

---@param who string     a user principal name, a group, a service principal, an object id, or "me"
---@param action string  may be short: "computes/start"
---@param scope? string  "workspace" (when left out), "instance:NAME", "resource-group", … or a whole id
---@param options? script.question_options
---@return boolean? yes
---@return "allowed"|"denied"|"conditional"|"unknown"|script.failure answer
function rbac.can(who, action, scope, options) end

---@param who string
---@param action string
---@param scope? string
---@param options? script.question_options
---@return script.why? answer
---@return script.failure? failure
function rbac.why(who, action, scope, options) end

---@param name string  or a GUID, or an id
---@return script.role? role
---@return script.failure? failure
---@overload fun(filter?: script.role_filter): script.role[]?, script.failure?
function rbac.roles(name) end

---@param filter? script.assignment_filter
---@return script.assignment[]? assignments
---@return script.failure? failure
function rbac.assignments(filter) end

--- Calls `fn(value, index)` for each of the list, up to 64 at once: one waits while others go on.  When
--- one raises, nothing further is begun, and it raises the same when all have ended.
---@generic T, R
---@param list T[]
---@param fn fun(value: T, index: integer): R
---@return R[] results  in the order of the list
function parallel(list, fn) end
