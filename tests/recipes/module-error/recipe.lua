fleet "ds" {}
require "broken"
local helper = require "helper"
require "gone"

helper.make("ada")
