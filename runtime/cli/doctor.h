/* doctor.h - what this machine has and lacks. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include "cli/command.h"

extern const struct command command_doctor;

#endif
