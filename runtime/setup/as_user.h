/* as_user.h - how as_user blocks stand in rendered scripts: render.c writes them, lint_view.c reads
 * them.  In this order, each at the beginning of a line; the block's own lines stand between the
 * second and the here-document's delimiter, which that line ends with, and a "'". */
#ifndef SETUP_AS_USER_H
#define SETUP_AS_USER_H

#define AS_USER_BLOCK_BEGINS "{ # as_user "
#define AS_USER_BODY_BEGINS "  moonfleet_quote <<'"
#define AS_USER_BLOCK_ENDS "else su - "

#endif
