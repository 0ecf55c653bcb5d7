/* driver.c - what all drivers share. */
#include "plane/driver.h"

void driver_free(struct driver *driver)
{
    if (driver)
        driver->ops->free(driver);
}
