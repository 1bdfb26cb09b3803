"""One definition for each list, a file each; `registry` holds them all, so that who needs one loads one."""
