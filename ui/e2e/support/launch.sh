#!/bin/sh
# WebKitWebDriver starts this instead of the app, because it tells nobody the app's process id or
# exit code. The app dies with this script, so that no test leaves one behind.
#   CHATKEEP_E2E_APP    the program
#   CHATKEEP_E2E_NOTES  the folder that receives pid, exit and app.log
#   CHATKEEP_E2E_UNDER  options of setpriv to start it with, or nothing
# shellcheck disable=SC2086 # the options are words
setpriv --pdeathsig KILL $CHATKEEP_E2E_UNDER -- "$CHATKEEP_E2E_APP" "$@" >>"$CHATKEEP_E2E_NOTES/app.log" 2>&1 &
echo $! >"$CHATKEEP_E2E_NOTES/pid"
wait $!
echo $? >"$CHATKEEP_E2E_NOTES/exit"
