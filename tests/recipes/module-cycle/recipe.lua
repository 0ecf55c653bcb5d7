fleet "ds" {}
require "a"
require "../outside"
require "nothing.here"
