instance "ada" {}
