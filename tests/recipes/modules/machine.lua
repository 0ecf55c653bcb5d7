-- Where a word stands counts, not who called the helper.
return function(person)
  instance("ds-" .. person) {
    size = "Standard_DS3_v2",
  }
end
