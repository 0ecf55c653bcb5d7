fleet "ds" {}
string.dump(print)
