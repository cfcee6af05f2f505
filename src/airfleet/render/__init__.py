"""What a plan looks like in the files of others, one module each; they give texts and write nothing."""
