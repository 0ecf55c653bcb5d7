---@meta
--- recipe.lua - the words of a recipe, for editors (LuaLS).  Never run.  What the blocks of `fleet` and
--- `instance` may hold stands in schema.lua beside it, which `moonfleet init` writes.

---@alias recipe.principal recipe.user|recipe.group|recipe.service_principal

---@class recipe.user               who, by user principal name
---@class recipe.group              a group, by its display name
---@class recipe.service_principal  a service principal, by its display name

---@class recipe.parameter_options
---@field default? string|number|boolean|any[]  the value when none is given
---@field description? string             one line for people
---@field type? "string"|"number"|"boolean"|"list"  that of the default when left out
---@field choices? (string|number)[]      the values that are allowed
---@field min? number                     of a number, or of the items of a list
---@field max? number                     of a number, or of the items of a list
---@field required? boolean               true when left out, unless there is a default

--- A value that can be given from outside with `-p name=value`.
---@param name string
---@param options? recipe.parameter_options
---@return any value
function parameter(name, options) end

--- Names the fleet that this recipe owns. Exactly one a recipe.
---@param name string
---@return fun(block: recipe.fleet)
function fleet(name) end

--- Declares one compute instance. More about its fields: `moonfleet help instance`.
---@param name string  3 to 24 characters
---@return fun(block: recipe.instance)
function instance(name) end

--- Gives a role to somebody. More about its fields: `moonfleet help grant`.
---@param block recipe.grant
function grant(block) end

--- Declares a custom role, which grants can give by this name.
---@param name string
---@return fun(block: recipe.role)
function role(name) end

--- What was declared so far: each its fields and its `name`.
---@return table[]
function instances() end

---@class recipe.secret  a value that setup scripts are given and nothing shows

---@class recipe.setup_script_options
---@field with? table<string, any>  the parameters of the script, which may be a template
---@field args? (string|number|recipe.secret)[]  the script's $1, $2, …
---@field timeout? string          such as "20m"
---@field cache? boolean           the result does not depend on the instance: make it once, begin the others with it
---@field inline? string           the script itself, instead of a path
---@field workspace? string        a script in the workspace's file share, instead of a path: "Users/ada/x.sh"

---@class recipe.setup_script
---@operator call(recipe.setup_script_options): recipe.setup_script

--- A shell script that runs as root, for the fields `setup` and `startup`.  It may be a template:
---
---     {{ expression }}  a value, quoted for where it stands: a list becomes several words
---     {% statement %}   Lua; a line of its own leaves none behind
---     {# comment #}     {{{{ {%% {## stand for {{ {% {#
---     {% parameter("name", { type = "list", default = {} }) %}   at its top: what `with` gives
---     {% as_user() %} … {% end %}   as azureuser, in the same folder, with the same arguments
---
--- Its Lua sees its parameters, Lua's libraries, and quote(x), join(list, separator), lines(list),
--- json(x), raw(x).
---@param path_or_options string|recipe.setup_script_options
---@return recipe.setup_script
function setup_script(path_or_options) end

---@param upn string  the user principal name
---@return recipe.user
function user(upn) end

---@param name string
---@return recipe.group
function group(name) end

---@param name string
---@return recipe.service_principal
function service_principal(name) end

--- The text of a file in the recipe's folder, without the newline at its end.
---@param path string
---@return string
function file(path) end

--- The rows of a CSV file (RFC 4180) by the names of its header row.
---@param path string
---@return table<string, string>[]
function csv(path) end

--- The value of a JSON file.
---@param path string
---@return any
function json(path) end

--- An environment variable. Names that look like credentials are refused.
---@param name string
---@param default? string
---@return string?
function env(name, default) end

--- A secret: from the environment (MOONFLEET_SECRET_<name>) or a file (--secrets FILE), for `with` and
--- `args` of setup scripts only.
---@param name string
---@return recipe.secret
function secret(name) end

--- A value to be shown with the plan.
---@param name string
---@param value any  plain data
function output(name, value) end

--- A module in the recipe's folder: "lib.team" is lib/team.lua or lib/team/init.lua.
---@param name string
---@return any
function require(name) end
