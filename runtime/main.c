/* main.c - one program, three lives: a container's first process, a recipe's sandbox, and the
 * commands. */
#include "base/text.h"
#include "cli/command.h"
#include "plane/driver.h"
#include "script/recipe.h"

int main(int argc, char **argv)
{
    if (argc > 1 && text_equal(argv[1], "__init"))
        return driver_oci_init(argc, argv);
    if (argc > 1 && text_equal(argv[1], "__recipe"))
        return recipe_child_main(argc, argv);
    return cli_main(argc, argv);
}
