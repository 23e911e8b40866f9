// Starts the app.
import { mount } from 'svelte';
import './style/base.css';
import App from './App.svelte';
import { startTheme } from './theme.svelte';

startTheme();
mount(App, { target: document.getElementById('app')! });
