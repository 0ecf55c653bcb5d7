fleet "ds" {}
output("rows", csv "rows.csv")
