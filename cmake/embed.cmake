# Writes OUTPUT: a C table named TABLE of the FILES, sorted by name, each byte for byte.
# The table's type is struct embedded_file of base/embedded.h; names are relative to ROOT.
list(SORT FILES)
set(arrays "")
set(rows "")
set(index 0)
foreach(file IN LISTS FILES)
  file(READ ${file} hex HEX)
  string(LENGTH "${hex}" digits)
  math(EXPR size "${digits} / 2")
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
  file(RELATIVE_PATH name ${ROOT} ${file})
  string(APPEND arrays "static const unsigned char file_${index}[] = {${bytes}0};\n")
  string(APPEND rows "    { \"${name}\", (const char *)file_${index}, ${size} },\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE ${OUTPUT} "/* Generated from the files of the source tree: do not edit. */
#include \"base/embedded.h\"

${arrays}
extern const struct embedded_file ${TABLE}[];
const struct embedded_file ${TABLE}[] = {
${rows}    { NULL, NULL, 0 },
};
")
