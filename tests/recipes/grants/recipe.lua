fleet "ds" {}
role "Starter" { actions = { "computes/start" }, description = "May start" }
grant { role = "Starter", to = group "data-scientists" }
grant {
  role = "Reader",
  to = { user "ada@moonfleet.local", service_principal "automation" },
  scope = "resource-group",
}
