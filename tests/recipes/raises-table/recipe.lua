fleet "ds" {}
error({ code = 1 })
