fleet "ds" {}
instance "a1" {
  size = = 3
}
