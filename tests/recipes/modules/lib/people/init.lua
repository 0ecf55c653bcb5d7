return { "ada", "grace" }
