fleet "ds" {}
role "Starter" {}
role "STARTER" {}
role "Pending"
grant "Reader"
grant { role = nothing, to = group "" }
